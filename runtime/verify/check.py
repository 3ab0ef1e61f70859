"""One verification: what the emitted files make of frames and tensors, against the family's own post-processing.

Frames go two ways. The emitted way is the applied model with its nvinfer configuration and its compiled parser, run by
the reference toolchain's own code. The family's way starts from the model as it was acquired, the recipe's
preprocessing and the post-processing of `oracles`: so graph passes, normalisation, colour order and geometry are held
against each other as well. Random tensors go through parser and oracle alone, with a much tighter tolerance.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from dsimport.compiler.numbers import as_float32
from dsimport.runtime.onnx_file import GraphError, read_model, real_inputs, serialize
from dsimport.runtime.reference.console import Console, RunFailed
from dsimport.runtime.reference.engine_file import ENGINE_FORMAT, EngineMeta, write_engine
from dsimport.runtime.reference.inferer import Inferer
from dsimport.runtime.reference.nvinfer_config import read_nvinfer_config
from dsimport.runtime.reference.session import Session, SessionError, open_session
from dsimport.runtime.verify.compare import Tally, Tolerance, compare
from dsimport.runtime.verify.finish import ClassLimits, finish, place
from dsimport.runtime.verify.head import Head, VerifyError
from dsimport.runtime.verify.inputs import STYLES, Pixels, extra_inputs, random_tensors, sampled_frames
from dsimport.runtime.verify.oracles import Array, Detections

__all__ = ["Result", "VerifyError", "verify"]

# Frames pass through two graphs that may round differently; tensors are the same numbers on both sides.
FRAME_TOLERANCE = Tolerance(iou=0.98, edge=0.02, score=2e-3, borderline=2e-3)
TENSOR_TOLERANCE = Tolerance(iou=0.9999, edge=2e-3, score=2e-6, borderline=1e-6)
TENSOR_SETS = 16
SEED = 1  # fixed: a model is judged the same way in every run


@dataclass(frozen=True)
class Result:
    """frames, tensors: what was compared. from_source: the family's way started from the model as acquired."""

    frames: Tally
    tensors: Tally
    from_source: bool

    def document(self) -> dict[str, Any]:
        """As plain data; `rate` is the lower one of both."""
        both = {"frames": self.frames, "tensors": self.tensors}
        tallies = {name: {**asdict(tally), "rate": tally.rate} for name, tally in both.items()}
        return {**tallies, "rate": min(self.frames.rate, self.tensors.rate), "from_source": self.from_source}


def verify(request: dict[str, Any]) -> Result:
    """Compare. `request` is the params of a plan's verify step with paths made absolute. Raises VerifyError."""
    try:
        with TemporaryDirectory(prefix="dsimport-verify-") as folder:
            return _Verification(request, Path(folder)).result()
    except (GraphError, SessionError, RunFailed) as error:
        evidence = "; ".join(getattr(error, "evidence", ()))
        raise VerifyError(f"{error}{f': {evidence}' if evidence else ''}") from None


class _Verification:
    """The two ways, opened."""

    def __init__(self, request: dict[str, Any], folder: Path) -> None:
        self._request = request
        net, pre = request["input"], request["preprocess"]
        self._network = (int(net["width"]), int(net["height"]))
        self._frame = (int(request["muxer"][0]), int(request["muxer"][1]))
        self._inferer = self._open_emitted(folder)
        self._pixels = Pixels(pre["color"], pre["scale"], tuple(pre["mean"]), tuple(pre["std"]), pre["filter"])
        self._placement = place(pre["resize"], self._frame, self._network)
        self._limits = _limits(request)
        self._thresholds = tuple(limit.threshold for limit in self._limits)
        self._head = Head.of(request["head"], request["parser"]["select"])
        self._model, self._from_source = self._open_source()

    def result(self) -> Result:
        frames = Tally()
        request = self._request
        for number, pixels in sampled_frames(Path(request["video"]), self._frame, request["frames"], request["sample"]):
            frames += self._compare_frame(number, pixels)
        if not frames.images:
            raise VerifyError(f"{request['video']} has no frames")
        return Result(frames, self._compare_tensors(), self._from_source)

    def _open_emitted(self, folder: Path) -> Inferer:
        """The emitted configuration with its parser, on the applied model itself: engines are another step's work."""
        config = read_nvinfer_config(Path(self._request["config"]), Console())
        onnx = serialize(read_model(Path(self._request["onnx"])))
        net = self._request["input"]
        shape = (1, net["channels"], net["height"], net["width"])
        digest = hashlib.sha256(onnx).hexdigest()
        meta = EngineMeta(ENGINE_FORMAT, net["name"], shape, shape, shape, "fp32", digest, "dsimport verify")
        engine = folder / "verify.engine"
        try:
            write_engine(engine, meta, onnx)
        except OSError as error:
            raise VerifyError(f"cannot write {engine}: {error.strerror}") from None
        return Inferer(replace(config, engine_file=str(engine), batch_size=1), self._frame, Console(), None)

    def _open_source(self) -> tuple[Session, bool]:
        """The model as acquired where it runs at the recipe's input size, else the applied one (when the passes were
        needed to make it run at all, it cannot be compared with)."""
        net = self._request["input"]
        model = read_model(Path(self._request["source"]))
        for item in real_inputs(model):
            if item.name == net["name"]:
                del item.type.tensor_type.shape.dim[:]
                for size in (1, net["channels"], net["height"], net["width"]):
                    item.type.tensor_type.shape.dim.add().dim_value = int(size)
        del model.graph.value_info[:]
        for item in model.graph.output:
            item.type.tensor_type.ClearField("shape")
        try:
            session = open_session(serialize(model))
            self._run(session, np.zeros((1, net["channels"], net["height"], net["width"]), np.float32))
        except SessionError:
            if "emitted" in self._request:
                raise
            return self._inferer.network.session, False
        return session, True

    def _run(self, session: Session, image: Array) -> dict[str, Array]:
        """Outputs of one image by name."""
        net = self._request["input"]["name"]
        dtypes = {info.name: info.dtype for info in session.inputs}
        feed = {net: image.astype(dtypes.get(net, "float32"))}
        feed |= {
            name: value for name, value in extra_inputs(self._request.get("constants", {})).items() if name in dtypes
        }
        names = [info.name for info in session.outputs]
        return {name: values[0] for name, values in zip(names, session.run(feed), strict=True) if values.ndim}

    def _compare_frame(self, number: int, pixels: Array) -> Tally:
        preprocessor = self._inferer.preprocessor()
        batch = np.empty((1, *preprocessor.shape), np.float32)
        preprocessor.write(pixels, batch[0])
        found = _as_detections(self._inferer.objects(self._inferer.infer(batch)[0], 0))
        image = self._pixels.tensor(pixels, self._placement, self._network)
        if not self._from_source:
            image = batch
        expected = self._finished(self._head.detections(self._run(self._model, image)))
        return compare(expected, found, self._thresholds, FRAME_TOLERANCE, f"frame {number}")

    def _compare_tensors(self) -> Tally:
        rng = np.random.default_rng(SEED)
        layers = self._inferer.network.layers
        head = Head.of(self._request.get("emitted", self._request["head"]), self._request["parser"]["select"])
        dtypes = {layer.name: layer.dtype for layer in layers}
        shapes = tuple(replace(shape, dtype=dtypes.get(shape.name, "float32")) for shape in head.shapes)
        tally = Tally()
        for index in range(TENSOR_SETS):
            style = STYLES[index % len(STYLES)]
            named = random_tensors(head.family, head.names, shapes, rng, style)
            # Outputs the parser does not read are there all the same.
            outputs = [named[name][None] if name in named else np.zeros((1, 1), dtypes[name]) for name in dtypes]
            found = _as_detections(self._inferer.objects(outputs, 0))
            expected = self._finished(
                head.detections({name: array.astype(np.float64) for name, array in named.items()})
            )
            tally += compare(expected, found, self._thresholds, TENSOR_TOLERANCE, f"tensors {index} ({style})")
        return tally

    def _finished(self, found: Detections) -> Detections:
        return finish(found, self._limits, self._head.family.defaults.compare, self._placement)


def _limits(request: dict[str, Any]) -> tuple[ClassLimits, ...]:
    """By class, with the recipe's overrides; thresholds as nvinfer keeps them, float32."""
    parser = request["parser"]
    nms = parser["nms_iou"] if parser["cluster"] == "nms" else None
    limits = [ClassLimits(as_float32(parser["threshold"]), parser["top_k"], nms)] * request["classes"]
    for own in parser["per_class"]:
        base = limits[own["index"]]
        limits[own["index"]] = ClassLimits(
            base.threshold if own["threshold"] is None else as_float32(own["threshold"]),
            base.top_k if own["top_k"] is None else own["top_k"],
            base.nms_iou if own["nms_iou"] is None or nms is None else own["nms_iou"],
        )
    return tuple(limits)


def _as_detections(objects: Array) -> Detections:
    left, top = objects["left"].astype(np.float64), objects["top"].astype(np.float64)
    boxes = np.stack([left, top, left + objects["width"], top + objects["height"]], axis=1)
    return Detections(objects["class_id"].astype(np.int64), objects["confidence"], boxes)
