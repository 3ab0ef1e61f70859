#!/bin/sh
# Step kitti of detr, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec deepstream-app -c models/detr/config/deepstream_app_kitti_detr.txt
