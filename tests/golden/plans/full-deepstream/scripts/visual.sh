#!/bin/sh
# Step visual of full, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec sh models/full/scripts/ds-single-stream.sh
