#!/bin/sh
# Step build-parser of rows, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec make -C models/rows/parser all check
