#!/bin/sh
# Step kitti of full, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec deepstream-app -c models/full/config/deepstream_app_kitti_full.txt
