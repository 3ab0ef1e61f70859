#!/bin/sh
# Step visual of orin, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec sh models/orin/scripts/ds-single-stream.sh
