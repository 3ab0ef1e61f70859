#!/bin/sh
# Step engine-b8 of detr, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --onnx=models/detr/model/detr.onnx --minShapes=pixel_values:1x3x480x640 --optShapes=pixel_values:8x3x480x640 --maxShapes=pixel_values:8x3x480x640 --skipInference --memPoolSize=workspace:32768M --timingCacheFile=models/detr/benchmarks/engines/timing.cache --saveEngine=models/detr/benchmarks/engines/detr_dynamic_b8.engine
