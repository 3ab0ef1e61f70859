#!/bin/sh
# Step bench-b1 of detr, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/detr/benchmarks/engines/detr_dynamic_b‹max_batch›.engine --shapes=pixel_values:1x3x480x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=1000 --duration=10
