#!/bin/sh
# Step bench-b64 of short, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec ref-trtexec --loadEngine=models/short/benchmarks/engines/short_dynamic_b64.engine --shapes=pixel_values:64x3x480x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=1000 --duration=10
