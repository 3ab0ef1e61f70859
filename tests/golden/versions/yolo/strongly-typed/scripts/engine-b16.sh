#!/bin/sh
# Step engine-b16 of yolo, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec trtexec --onnx=models/yolo/model/yolo.onnx --minShapes=images:1x3x384x640 --optShapes=images:16x3x384x640 --maxShapes=images:16x3x384x640 --stronglyTyped --skipInference --memPoolSize=workspace:4G --timingCacheFile=models/yolo/benchmarks/engines/timing.cache --builderOptimizationLevel=4 --saveEngine=models/yolo/benchmarks/engines/yolo_dynamic_b16.engine
