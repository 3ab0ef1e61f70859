#!/bin/sh
# Step engine-b2 of centerface, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec ref-trtexec --onnx=models/centerface/model/centerface.onnx --minShapes=input.1:1x3x480x640 --optShapes=input.1:2x3x480x640 --maxShapes=input.1:2x3x480x640 --skipInference --memPoolSize=workspace:32768M --timingCacheFile=models/centerface/benchmarks/engines/timing.cache --saveEngine=models/centerface/benchmarks/engines/centerface_dynamic_b2.engine
