#!/bin/sh
# Step visual of yolo, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec sh models/yolo/scripts/ds-single-stream.sh
