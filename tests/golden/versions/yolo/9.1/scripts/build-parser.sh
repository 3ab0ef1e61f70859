#!/bin/sh
# Step build-parser of yolo, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec make -C models/yolo/parser all check
