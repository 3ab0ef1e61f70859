#!/bin/sh
# Step kitti of centerface, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec ref-deepstream-app -c models/centerface/config/deepstream_app_kitti_centerface.txt
