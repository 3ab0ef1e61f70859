#!/bin/sh
# Step bench-b1 of centerface, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/centerface/benchmarks/engines/centerface_dynamic_b‹max_batch›.engine --shapes=input.1:1x3x480x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=1000 --duration=5
