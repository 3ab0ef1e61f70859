#!/bin/sh
# Step kitti of yolo, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec deepstream-app -c models/yolo/config/deepstream_app_kitti_yolo.txt
