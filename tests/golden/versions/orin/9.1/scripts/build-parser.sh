#!/bin/sh
# Step build-parser of orin, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec make -C models/orin/parser all check
