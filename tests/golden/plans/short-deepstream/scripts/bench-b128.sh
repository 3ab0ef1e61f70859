#!/bin/sh
# Step bench-b128 of short, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --loadEngine=models/short/benchmarks/engines/short_dynamic_b128.engine --shapes=pixel_values:128x3x480x640 --noDataTransfers --useSpinWait --useCudaGraph --warmUp=1000 --duration=10
