#!/bin/sh
# Step bench-b8 of centerface, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/centerface/benchmarks/engines/centerface_dynamic_b8.engine --shapes=input.1:8x3x480x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=1000 --duration=5
