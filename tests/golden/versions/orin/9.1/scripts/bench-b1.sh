#!/bin/sh
# Step bench-b1 of orin, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/orin/benchmarks/engines/orin_dynamic_b‹max_batch›.engine --shapes=images:1x3x640x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=1000 --duration=10
