#!/bin/sh
# Step bench-b64 of full, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/full/benchmarks/engines/full_dynamic_b64.engine --shapes=images:64x3x384x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=200 --duration=2.5
