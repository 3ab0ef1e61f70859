#!/bin/sh
# Step build-parser of centerface, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec make -C models/centerface/parser all check
