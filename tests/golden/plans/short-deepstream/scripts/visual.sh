#!/bin/sh
# Step visual of short, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec sh models/short/scripts/ds-single-stream.sh
