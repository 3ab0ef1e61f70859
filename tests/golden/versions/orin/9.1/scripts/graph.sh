#!/bin/sh
# Step graph of orin, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec dsimport apply recipes/m.yaml --toolchain deepstream --again graph
