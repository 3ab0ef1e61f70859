#!/bin/sh
# Step build-parser of detr, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec make -C models/detr/parser all check
