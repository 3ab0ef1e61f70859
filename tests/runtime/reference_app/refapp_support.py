"""What the tests of ref-deepstream-app build their cases from: tiny models, clips, configuration files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Row = Sequence[float]  # class, confidence, left, top, width, height
f32 = np.float32


def write_model(
    path: Path,
    rows: Sequence[Row],
    *,
    size: tuple[int, int] = (48, 64),
    channels: int = 3,
    follow: float = 0.0,
    nhwc: bool = False,
    batch: int | str = "batch",
    input_type: int = TensorProto.FLOAT,
) -> Path:
    """A detector whose output `rows` [N, K, 6] is constant but for `left`, which moves by `follow` times the mean of
    the image's first channel; so a frame's detections depend on its pixels. size: height, width."""
    height, width = size
    dims = [batch, height, width, channels] if nhwc else [batch, channels, height, width]
    weights = np.zeros((channels, len(rows) * 6), np.float32)
    weights[0, 2::6] = follow
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[1, 2] if nhwc else [2, 3], keepdims=0),
        helper.make_node("Gemm", ["mean", "weights", "bias"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["rows"]),
    ]
    constants = [
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(np.array(rows, np.float32).reshape(-1), "bias"),
        numpy_helper.from_array(np.array([-1, len(rows), 6], np.int64), "shape"),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", input_type, dims)],
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [batch, len(rows), 6])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


def write_clip(path: Path, shades: Sequence[int], size: tuple[int, int] = (64, 48), rate: int = 25) -> Path:
    """An mp4 with one plain frame per shade (red channel; the others stay 100). size: width, height."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(rate))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for shade in shades:
            pixels = np.full((size[1], size[0], 3), 100, np.uint8)
            pixels[..., 0] = shade
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def key_file(groups: Mapping[str, Mapping[str, object]]) -> str:
    """Text of a key file; a key whose value is None is left out."""
    lines = []
    for group, keys in groups.items():
        lines.append(f"[{group}]")
        lines += [f"{key}={value}" for key, value in keys.items() if value is not None]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Case:
    """A folder with everything one run needs; keyword arguments replace single keys (None removes one)."""

    folder: Path
    parsers: Path

    def nvinfer(self, classes: Mapping[str, object] | None = None, **keys: object) -> Path:
        values: dict[str, object] = {
            "gie-unique-id": 1,
            "onnx-file": "model.onnx",
            "labelfile-path": "labels.txt",
            "batch-size": 1,
            "infer-dims": "3;48;64",
            "num-detected-classes": 2,
            "cluster-mode": 2,
            "custom-lib-path": self.parsers,
            "parse-bbox-func-name": "ParseRows",
        }
        values.update({name.replace("_", "-"): value for name, value in keys.items()})
        path = self.folder / "nvinfer.txt"
        path.write_text(key_file({"property": values, "class-attrs-all": classes or {}}))
        return path

    def app(self, groups: Mapping[str, Mapping[str, object]] | None = None, name: str = "app.txt") -> Path:
        merged: dict[str, dict[str, object]] = {
            "application": {"gie-kitti-output-dir": "kitti"},
            "source0": {"enable": 1, "type": 2, "uri": "file://clip.mp4"},
            "sink0": {"enable": 1, "type": 1, "sync": 0},
            "streammux": {"batch-size": 1, "width": 64, "height": 48},
            "primary-gie": {"enable": 1, "config-file": "nvinfer.txt"},
        }
        for group, keys in (groups or {}).items():
            merged[group] = {**merged.get(group, {}), **keys}
        path = self.folder / name
        path.write_text(key_file(merged))
        return path

    def kitti(self) -> dict[str, str]:
        """Content of every KITTI file, by name."""
        return {path.name: path.read_text() for path in sorted((self.folder / "kitti").iterdir())}


def objects(rows: Sequence[Row]) -> Any:
    """A parser's result as the program holds it."""
    from dsimport.runtime.reference.parser_abi import object_dtype

    array = np.zeros(len(rows), object_dtype(28))
    for item, (class_id, confidence, *box) in zip(array, rows, strict=True):
        item["class_id"] = int(class_id)
        item["left"], item["top"], item["width"], item["height"] = box
        item["confidence"] = confidence
    return array


def boxes_of(array: Any) -> list[tuple[float, ...]]:
    """Rows again: class, confidence, left, top, width, height."""
    names = ("class_id", "confidence", "left", "top", "width", "height")
    return [tuple(float(item[name]) for name in names) for item in array]
