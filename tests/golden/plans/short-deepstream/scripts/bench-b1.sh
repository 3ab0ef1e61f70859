#!/bin/sh
# Step bench-b1 of short, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/short/benchmarks/engines/short_dynamic_b‹max_batch›.engine --shapes=pixel_values:1x3x480x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=1000 --duration=10
