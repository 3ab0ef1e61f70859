#!/bin/sh
# Step engine-b256 of short, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec ref-trtexec --onnx=models/short/model/short.onnx --minShapes=pixel_values:1x3x480x640 --optShapes=pixel_values:256x3x480x640 --maxShapes=pixel_values:256x3x480x640 --fp16 --skipInference --memPoolSize=workspace:32768M --timingCacheFile=models/short/benchmarks/engines/timing.cache --saveEngine=models/short/benchmarks/engines/short_dynamic_b256.engine
