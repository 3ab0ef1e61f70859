#!/bin/sh
# Step bench-b1 of yolo, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/yolo/benchmarks/engines/yolo_dynamic_b‹max_batch›.engine --shapes=images:1x3x384x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=1000 --duration=10
