#!/bin/sh
# Step kitti of short, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec deepstream-app -c models/short/config/deepstream_app_kitti_short.txt
