"""Reading a checkpoint that has no ONNX file yet: the family by config.json, the shapes its export will have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.expr import ExprError, Number, evaluate
from dsimport.compiler.parsers.bind import MAX_DIM
from dsimport.compiler.preset import Family
from dsimport.compiler.presetexport import KnownModel
from dsimport.compiler.recognise.candidates import claimed_by
from dsimport.compiler.recognise.facts import SourceFacts
from dsimport.compiler.recognise.sizes import Input, config_size, rounded_down

__all__ = ["Checkpoint", "family_size", "read_checkpoint"]

_DEPTH = 3  # sections of config.json that numbers are taken from


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint will be as ONNX. outputs: shapes of one image by name; size: height and width in pixels."""

    family: Family
    evidence: str
    size: tuple[int, int]
    size_origin: str
    outputs: dict[str, list[int]]
    classes: int
    prompted: bool


def read_checkpoint(
    facts: SourceFacts,
    families: Sequence[Family],
    wanted: Input,
    labels: int | None,
    prompts: tuple[str, ...],
    size: tuple[int, int] | None,
) -> Checkpoint:
    """Raises DsimportError: N0501 for an unknown model_type, N0505 for missing prompts, N0507, N0508."""
    config = facts.config or {}
    family, hints, evidence = _family(config, families)
    if not family.exported:
        raise _refused(
            "A0251",
            f"checkpoints of family {family.family} cannot be exported",
            "export it with the tool it comes from, and run init on the .onnx file",
        )
    prompted = family.export.prompt == "required"
    if prompted and not prompts:
        raise _refused(
            "N0505",
            f"{single_line(facts.name)} is asked by text, and nvinfer gives a model nothing but images",
            "freeze the classes into it: --prompt person,car (they become the labels)",
        )
    if prompts and not prompted:
        raise _refused("N0505", f"family {family.family} has classes of its own and takes no prompt", "leave it out")
    classes = len(prompts) if prompted else labels
    if classes is None:
        raise _refused(
            "N0507",
            "config.json names no classes: it has neither id2label, label2id nor names",
            "write them to a file, one per line in class order, and name it: --labels FILE",
        )
    found, origin = family_size(family, hints, wanted, config, size)
    return Checkpoint(
        family=family,
        evidence=evidence,
        size=found,
        size_origin=origin,
        outputs=_outputs(family, hints, config, found, classes),
        classes=classes,
        prompted=prompted,
    )


def family_size(
    family: Family, hints: KnownModel, wanted: Input, config: Mapping[str, Any], size: tuple[int, int] | None
) -> tuple[tuple[int, int], str]:
    """Height and width of the input, and where they come from: as told, else preprocessor_config.json, else
    config.json, else what the family usually has. Raises DsimportError N0508."""
    places = (
        (size, "as told"),
        (wanted.size, wanted.size_evidence),
        (config_size(config), "image_size of config.json"),
        (family.recognise.size, f"what family {family.family} usually has"),
    )
    for found, origin in places:
        if found is not None:
            rounded = rounded_down(found, hints.multiple)
            return rounded, origin + (f", as multiples of {hints.multiple}" if rounded != found else "")
    raise _refused(
        "N0508", "nothing says which input size the model was made for", "say it: --input-size 640x640 (height x width)"
    )


def _family(config: Mapping[str, Any], families: Sequence[Family]) -> tuple[Family, KnownModel, str]:
    model_type = config.get("model_type")
    claimed = claimed_by(families, model_type)
    if claimed:
        family = claimed[0]
        return family, family.models[str(model_type)], f"config.json says model_type {model_type}"
    if len(families) == 1:
        return families[0], KnownModel(), "as told"
    shown = f"model_type '{single_line(str(model_type))[:60]}'" if model_type is not None else "no model_type"
    raise _refused(
        "N0501",
        f"config.json says {shown}, and no family knows it",
        "export the model to ONNX and run init on the file",
        "or name the family if you know it: --family NAME (docs/families.md lists them)",
    )


def _outputs(
    family: Family, hints: KnownModel, config: Mapping[str, Any], size: tuple[int, int], classes: int
) -> dict[str, list[int]]:
    """Shapes by the family's expressions, with its free dimensions from config.json, else its usual ones."""
    names: dict[str, Number] = {"height": size[0], "width": size[1], "classes": classes}
    numbers = {**dict(_numbers(config)), **names}
    for name, usual in family.dims.items():
        try:
            found = evaluate(hints.dims.get(name, usual), numbers)
        except ExprError:
            found = 0
        names[name] = found if 1 <= found <= MAX_DIM else evaluate(usual, names)
    return {
        spec.names[level]: [int(evaluate(dim, names)) for dim in spec.shape]
        for spec in family.tensors.values()
        for level in range(len(spec.names))
    }


def _numbers(config: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Number]]:
    """Whole numbers of config.json; those of a section as `section_key`."""
    for key, value in config.items():
        if isinstance(value, int) and not isinstance(value, bool):
            yield f"{prefix}{key}", value
        elif isinstance(value, Mapping) and depth < _DEPTH:
            yield from _numbers(value, f"{prefix}{key}_", depth + 1)


def _refused(code: str, message: str, *advice: str) -> DsimportError:
    return DsimportError(Diagnostic(code, message, help=advice))
