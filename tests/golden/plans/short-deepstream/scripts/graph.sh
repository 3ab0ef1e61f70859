#!/bin/sh
# Step graph of short, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec dsimport apply recipes/short.yaml --toolchain deepstream --again graph
