#!/bin/sh
# Step emit-config of full, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec dsimport apply recipes/full.yaml --toolchain reference --again emit-config
