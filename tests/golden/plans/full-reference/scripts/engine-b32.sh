#!/bin/sh
# Step engine-b32 of full, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec ref-trtexec --onnx=models/full/model/full.onnx --minShapes=images:1x3x384x640 --optShapes=images:32x3x384x640 --maxShapes=images:32x3x384x640 --fp16 --skipInference --memPoolSize=workspace:4G --timingCacheFile=models/full/benchmarks/engines/timing.cache --builderOptimizationLevel=5 --saveEngine=models/full/benchmarks/engines/full_dynamic_b32.engine
