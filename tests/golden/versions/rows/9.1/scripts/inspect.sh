#!/bin/sh
# Step inspect of rows, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec dsimport apply recipes/m.yaml --toolchain deepstream --again inspect
