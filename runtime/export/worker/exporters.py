"""The exporters: optimum, torch by tracing, torch.export. Each leaves a file with the names that the request has."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

import onnx
import torch

from .strategies import Subject

__all__ = ["EXPORTERS", "versions"]

Request: TypeAlias = dict[str, Any]
_TRACED = 2  # images: what is traced with one keeps one


def versions(exporter: str, timm: bool) -> dict[str, str]:
    """Versions of what an exporter is made of; ImportError where it cannot be used. timm: with its backbones."""
    names = ["torch", "transformers", "onnx", "onnxruntime"]
    if exporter == "optimum":
        import optimum.exporters.onnx  # noqa: F401

        names += ["optimum", "optimum-onnx"]
    if exporter == "dynamo":
        names += ["onnxscript"]
    if timm:
        import timm as backbones  # noqa: F401

        names += ["timm", "torchvision"]
    import onnxruntime  # noqa: F401
    import transformers  # noqa: F401

    return {name: metadata.version(name) for name in names}


def by_optimum(request: Request, subject: Subject) -> Path:
    """`optimum-cli export onnx`, as a call."""
    from optimum.exporters.onnx import main_export

    folder = Path(request["work"])
    main_export(
        request["checkpoint"],
        folder,
        task=request["task"],
        opset=request["opset"],
        no_post_process=not request["post_process"],
        device="cpu",
        library_name="transformers",
        do_validation=False,
        local_files_only=True,
        trust_remote_code=False,
    )
    path = folder / "model.onnx"
    model = onnx.load(str(path))
    inputs = [item.name for item in model.graph.input]
    if len(inputs) != 1:
        raise ValueError(f"the exported graph has the inputs {', '.join(inputs)}")
    names = {inputs[0]: request["input"]["name"]}
    names |= {item["of"]: item["name"] for item in request["outputs"].values()}
    _rename(model, names)
    made = folder / "renamed.onnx"
    onnx.save(model, str(made))
    return made


def by_tracing(request: Request, subject: Subject) -> Path:
    """torch's exporter by tracing, at the final height and width."""
    names = [request["input"]["name"], *(item["name"] for item in request["outputs"].values())]
    path = Path(request["work"]) / "traced.onnx"
    with _quiet():
        torch.onnx.export(
            subject.module,
            (torch.zeros(_TRACED, *request["input"]["shape"]),),
            str(path),
            dynamo=False,
            opset_version=request["opset"],
            input_names=names[:1],
            output_names=names[1:],
            dynamic_axes={name: {0: "batch"} for name in names},
        )
    onnx.checker.check_model(str(path))
    return path


def by_dynamo(request: Request, subject: Subject) -> Path:
    """torch.export, at the final height and width."""
    path = Path(request["work"]) / "dynamo.onnx"
    with _quiet():
        torch.onnx.export(
            subject.module,
            (torch.zeros(_TRACED, *request["input"]["shape"]),),
            str(path),
            dynamo=True,
            opset_version=request["opset"],
            input_names=[request["input"]["name"]],
            output_names=[item["name"] for item in request["outputs"].values()],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            verbose=False,
        )
    onnx.checker.check_model(str(path))
    return path


EXPORTERS: dict[str, Callable[[Request, Subject], Path]] = {
    "optimum": by_optimum,
    "torch": by_tracing,
    "dynamo": by_dynamo,
}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Tracing tells about every shape that becomes a constant."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _rename(model: Any, names: dict[str, str]) -> None:
    """Give tensors other names, wherever the graph mentions them. A name that is taken stays what it was."""
    graph = model.graph
    taken = {name for node in graph.node for name in (*node.input, *node.output)} | {t.name for t in graph.initializer}
    moved = {old: new for old, new in names.items() if old != new}
    clash = sorted(new for new in moved.values() if new in taken and new not in moved)
    if clash:
        raise ValueError(f"the graph has a tensor {clash[0]} already")
    for item in (*graph.input, *graph.output, *graph.value_info):
        item.name = moved.get(item.name, item.name)
    for node in graph.node:
        node.input[:] = [moved.get(name, name) for name in node.input]
        node.output[:] = [moved.get(name, name) for name in node.output]
