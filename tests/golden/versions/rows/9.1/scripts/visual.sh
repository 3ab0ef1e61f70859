#!/bin/sh
# Step visual of rows, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec sh models/rows/scripts/ds-single-stream.sh
