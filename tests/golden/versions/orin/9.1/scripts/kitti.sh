#!/bin/sh
# Step kitti of orin, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec deepstream-app -c models/orin/config/deepstream_app_kitti_orin.txt
