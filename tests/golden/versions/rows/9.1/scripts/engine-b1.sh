#!/bin/sh
# Step engine-b1 of rows, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --onnx=models/rows/model/rows.onnx --minShapes=images:1x3x640x640 --optShapes=images:1x3x640x640 --maxShapes=images:1x3x640x640 --fp16 --skipInference --memPoolSize=workspace:32768M --timingCacheFile=models/rows/benchmarks/engines/timing.cache --saveEngine=models/rows/benchmarks/engines/rows_dynamic_b1.engine
