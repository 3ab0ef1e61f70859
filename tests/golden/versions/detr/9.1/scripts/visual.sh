#!/bin/sh
# Step visual of detr, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec sh models/detr/scripts/ds-single-stream.sh
