#!/bin/sh
# Step emit-config of centerface, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec dsimport apply recipes/centerface.yaml --toolchain deepstream --again emit-config
