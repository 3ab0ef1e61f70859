#!/bin/sh
# Step kitti of rows, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec deepstream-app -c models/rows/config/deepstream_app_kitti_rows.txt
