"""Which ONNX file of a source to take, by the seed's order. Pure: names in, a decision with its reason out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dsimport.compiler.diagnostics import DsimportError
from dsimport.compiler.suggest import closest
from dsimport.runtime.acquire.problems import problem

__all__ = ["ORDER", "Choice", "choose_onnx", "variant_of"]

ORDER = ("fp16", "fp32", "int8", "int4", "quantized")

_WORDS = {"fp16": "fp16", "float16": "fp16", "half": "fp16", "fp32": "fp32", "float32": "fp32", "int8": "int8"}
_WORDS |= {"int4": "int4", "quantized": "quantized", "quant": "quantized"}
# What other variants are called on the hub: not one of the seed's, so they come last, by name.
_OTHER = re.compile(r"u?int\d+|q\d\w*|bnb\d*|bf16|bfloat16|fp8|f16|nf4")
_SHOWN = 12


@dataclass(frozen=True)
class Choice:
    """The file, why it was taken, and everything it was chosen from."""

    path: str
    reason: str
    candidates: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.path} ({self.reason}); candidates: {_listed(self.candidates)}"


def variant_of(path: str) -> str:
    """The variant that a file name tells: one of ORDER, `other`, or fp32 where it says nothing."""
    stem = path.rpartition("/")[2].removesuffix(".onnx").lower()
    words = re.split(r"[^a-z0-9]+", stem)
    for word in words:
        if word in _WORDS:
            return _WORDS[word]
    return "other" if any(_OTHER.fullmatch(word) for word in words) else "fp32"


def choose_onnx(paths: Iterable[str], *, variant: str | None, file: str | None, where: str, fp16: bool) -> Choice:
    """The ONNX file to take from these paths. variant, file: what the recipe says; where: the source, for messages;
    fp16: whether files with float16 inputs may be preferred, which takes the graph pass fp32-io: nvinfer always writes
    float32 into the input binding, past the end of a float16 one. DsimportError: A0240, A0241, A0242, A0245."""
    everything = sorted(paths)
    onnx = [path for path in everything if path.endswith(".onnx")]
    if file is not None:
        if file in onnx:
            return Choice(file, "named by source.onnx.file", tuple(onnx))
        near = closest(file, onnx)
        hint = (f"did you mean '{near}'?",) if near else ()
        raise problem("A0242", f"{where} has no ONNX file '{file}'", *hint, f"ONNX files: {_listed(onnx)}")
    if not onnx:
        raise _nothing(everything, where)
    candidates = [path for path in onnx if "/" not in path] or [
        path for path in onnx if path.rpartition("/")[0] == "onnx"
    ]
    if not candidates:
        raise problem(
            "A0242",
            f"{where} has ONNX files only outside of its top folder and onnx/",
            "name one with source.onnx.file",
            f"ONNX files: {_listed(onnx)}",
        )
    if variant is not None:
        found = [path for path in candidates if variant in (variant_of(path), *_words(path))]
        if not found:
            raise problem(
                "A0242",
                f"{where} has no ONNX file of variant '{variant}'",
                f"variants: {', '.join(sorted({variant_of(path) for path in candidates}))}",
                f"or name one with source.onnx.file: {_listed(candidates)}",
            )
        return Choice(found[0], f"variant {variant}, as the recipe says", tuple(candidates))
    for wanted in ORDER:
        found = [path for path in candidates if variant_of(path) == wanted]
        if found and (wanted != "fp16" or fp16):
            return Choice(found[0], wanted, tuple(candidates))
    rest = [path for path in candidates if variant_of(path) != "fp16"]
    if not rest:
        return Choice(candidates[0], "fp16, the only variant", tuple(candidates))
    return Choice(rest[0], "first by name", tuple(candidates))


def _words(path: str) -> list[str]:
    stem = path.rpartition("/")[2].removesuffix(".onnx").lower()
    return re.split(r"[^a-z0-9]+", stem)


def _nothing(paths: Sequence[str], where: str) -> DsimportError:
    if any(path.endswith((".safetensors", ".bin", ".pt", ".pth")) for path in paths):
        return problem(
            "A0240",
            f"{where} has weights but no ONNX file, and the recipe does not say that it is to be exported",
            "write `export: {}` below source, or run `dsimport lock RECIPE`, which notes it",
            "or take a repository that has an ONNX file",
        )
    closed = [path for path in paths if path.endswith((".etlt", ".engine", ".plan", ".tlt", ".trt"))]
    if closed:
        kinds = sorted({path.rpartition(".")[2] for path in closed})
        why = "encrypted" if {"etlt", "tlt"} & set(kinds) else "built for one TensorRT version and GPU"
        return problem(
            "A0245",
            f"{where} has no ONNX file, only .{' and .'.join(kinds)}: {why}",
            "choose a version of the model that has an ONNX file (often named deployable… or …onnx…)",
            "or export it to ONNX with TAO and name the result with source.file.path",
        )
    return problem(
        "A0241",
        f"{where} has no model: {_listed(paths)}" if paths else f"{where} is empty",
        "look for a repository of the same model with an ONNX file",
    )


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:_SHOWN])
    return f"{shown} and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else shown or "none"
