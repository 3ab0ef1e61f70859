#!/bin/sh
# Step bench-b2 of rows, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/rows/benchmarks/engines/rows_dynamic_b2.engine --shapes=images:2x3x640x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=1000 --duration=10
