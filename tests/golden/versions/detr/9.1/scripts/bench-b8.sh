#!/bin/sh
# Step bench-b8 of detr, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/detr/benchmarks/engines/detr_dynamic_b8.engine --shapes=pixel_values:8x3x480x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=1000 --duration=10
