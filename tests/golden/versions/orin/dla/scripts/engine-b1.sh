#!/bin/sh
# Step engine-b1 of orin, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --onnx=models/orin/model/orin.onnx --minShapes=images:1x3x640x640 --optShapes=images:1x3x640x640 --maxShapes=images:1x3x640x640 --fp16 --useDLACore=1 --allowGPUFallback --skipInference --memPoolSize=workspace:2048M --timingCacheFile=models/orin/benchmarks/engines/timing.cache --saveEngine=models/orin/benchmarks/engines/orin_dynamic_b1.engine
