#!/bin/sh
# Step bench-b16 of yolo, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/yolo/benchmarks/engines/yolo_dynamic_b16.engine --shapes=images:16x3x384x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=1000 --duration=10
