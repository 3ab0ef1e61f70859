#!/bin/sh
# Step bench-b1 of full, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/full/benchmarks/engines/full_dynamic_b‹max_batch›.engine --shapes=images:1x3x384x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=200 --duration=2.5
