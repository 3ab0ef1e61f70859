#!/bin/sh
# Step visual of centerface, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec sh models/centerface/scripts/ds-single-stream.sh
