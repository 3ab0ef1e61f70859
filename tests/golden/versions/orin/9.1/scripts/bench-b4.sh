#!/bin/sh
# Step bench-b4 of orin, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/orin/benchmarks/engines/orin_dynamic_b4.engine --shapes=images:4x3x640x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=1000 --duration=10
