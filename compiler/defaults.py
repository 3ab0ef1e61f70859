"""The default of every recipe value that a recipe and its family may leave out, by dotted key."""

from __future__ import annotations

from typing import Any

from dsimport.compiler.versions import Platform

__all__ = ["DEFAULTS", "DEFAULT_VIDEO", "DEFAULT_WORKSPACE"]

# The seed's rule: always this clip unless the user names another one.
DEFAULT_VIDEO = "/opt/nvidia/deepstream/deepstream/samples/streams/sample_720p.mp4"

# On a Jetson the decoder, the muxer's frames and the system live in the same memory, 8 GB of it on the smallest.
DEFAULT_WORKSPACE: dict[Platform, str] = {"dgpu": "32768M", "jetson": "2048M"}

DEFAULTS: dict[str, Any] = {
    "model.input.name": "images",
    "model.input.channels": 3,
    "model.labels": "config",
    "model.outputs": {},
    "model.tensors": {},
    "preprocess.color": "rgb",
    "preprocess.scale": "1/255",
    "preprocess.mean": [0.0, 0.0, 0.0],
    "preprocess.std": [1.0, 1.0, 1.0],
    "preprocess.resize": "stretch",
    # nvinfer's own default is nearest on the GPU; every family here was trained on bilinear or better.
    "preprocess.filter": "bilinear",
    "parser.threshold": 0.25,
    "parser.top_k": 200,
    "parser.nms_iou": 0.45,
    "parser.cluster": "nms",
    "parser.select": None,
    "parser.per_class": {},
    "parser.march": None,
    "graph.dynamic-batch": "auto",
    "graph.simplify": "auto",
    "graph.fold-normalize": "auto",
    "graph.fuse-head": "auto",
    "graph.strip-outputs": "auto",
    "graph.fold-inputs": "auto",
    "graph.fp32-io": "auto",
    "engine.precision": "fp16",
    "engine.max_batch": 64,
    "engine.batch_limit": 512,
    "engine.workspace": None,  # by the platform, below
    "engine.optimization_level": None,
    "engine.strongly_typed": "auto",
    "engine.dla": None,
    "engine.builder": "auto",
    "engine.check": False,
    "pipeline.platform": "dgpu",
    "pipeline.deepstream": "9.1",
    "pipeline.tensorrt": None,  # the version that goes with release and platform
    "pipeline.video": "default",
    "pipeline.frames": 100,
    "pipeline.min_detection_rate": 0.9,
    "pipeline.muxer.width": 1280,
    "pipeline.muxer.height": 720,
    "pipeline.interval": 0,
    "benchmark.target_fps": 30.0,
    "benchmark.warmup_ms": 1000,
    "benchmark.duration_s": 10.0,
    "benchmark.run_s": 60.0,
    "benchmark.video": "default",
    "verify.min_match": 0.99,
    "report.formats": ["md", "html", "pdf"],
}
