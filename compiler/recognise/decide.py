"""From facts about a source to the entries of a recipe, each with the notes that say why. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.labelrules import label_problem
from dsimport.compiler.preset import Family
from dsimport.compiler.presetexport import KnownModel
from dsimport.compiler.recognise.candidates import Candidate, Ranking, claimed_by, rank
from dsimport.compiler.recognise.checkpoint import Checkpoint, family_size, read_checkpoint
from dsimport.compiler.recognise.entries import Entry
from dsimport.compiler.recognise.facts import OnnxFacts, SourceFacts
from dsimport.compiler.recognise.labels import MAX_CLASSES, TABLES, in_class_order, label_table, labels_of_metadata
from dsimport.compiler.recognise.refused import check_metadata
from dsimport.compiler.recognise.sizes import Input, config_size, input_of_preprocessor, size_of_metadata

__all__ = ["Choices", "Decision", "decide", "likely_size"]

_SHOWN = 4  # lines of evidence in a recipe's notes, and families in a refusal


@dataclass(frozen=True)
class Choices:
    """What the user said. family: as the recipe shall name it; labels: their text in the recipe (a path or a list) and
    how many; prompts: class names for a model that is asked by text; size: (height, width) in pixels."""

    family: str | None = None
    labels: str | None = None
    label_count: int | None = None
    prompts: tuple[str, ...] = ()
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Decision:
    """What a source was taken for. remaining: readings that could not be ruled out, (family, what to do) each."""

    family: str
    confidence: str
    evidence: tuple[str, ...]
    contra: tuple[str, ...]
    entries: tuple[Entry, ...]
    remaining: tuple[str, ...] = ()
    reason: str = ""
    summary: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Labels:
    """entry: for `model.labels`; count: how many the source names; origin: for people."""

    entry: Any
    count: int | None
    origin: str


def decide(facts: SourceFacts, families: Sequence[Family], choices: Choices) -> Decision:
    """The family, tensors, classes, labels and preprocessing of a model.

    families: all that come into question; with `choices.family`, that one alone. DsimportError: N0501, N0505 … N0508.
    """
    if facts.onnx is None:
        return _of_checkpoint(facts, families, choices)
    check_metadata(facts.onnx.metadata, facts.name)
    known = _known_labels(facts, choices)
    ranking = rank(facts, facts.onnx, families, known.count)
    if ranking.best is None:
        raise _no_family(facts.onnx, ranking)
    return _of_onnx(facts, facts.onnx, ranking, known, choices)


def likely_size(facts: SourceFacts, families: Sequence[Family], choices: Choices) -> tuple[int, int] | None:
    """Height and width for a model that takes any: as told, else as its configuration says; None where nothing does."""
    config = facts.config or {}
    wanted = input_of_preprocessor(facts.preprocessor) if facts.preprocessor is not None else Input()
    named = claimed_by(families, config.get("model_type")) or (list(families) if len(families) == 1 else [])
    if not named:
        return choices.size or wanted.size or config_size(config)
    hints = named[0].models.get(str(config.get("model_type")), KnownModel())
    try:
        return family_size(named[0], hints, wanted, config, choices.size)[0]
    except DsimportError:
        return None


def _of_onnx(facts: SourceFacts, onnx: OnnxFacts, ranking: Ranking, known: _Labels, choices: Choices) -> Decision:
    best = ranking.best
    assert best is not None
    reading = best.reading
    classes = reading.classes or known.count
    labels = _labels_for(classes, known)
    family = choices.family or best.family.family
    wanted = input_of_preprocessor(facts.preprocessor) if facts.preprocessor is not None else Input()
    how = _size_origin(choices, onnx, wanted)
    outputs = {item.name: list(item.shape) or [1] for item in reading.tensors.values()}
    entries = [
        Entry("model.family", family, _family_notes(best, ranking, choices), forced=choices.family is not None),
        *_input_entries(onnx.input.name, onnx.channels, (onnx.height, onnx.width), how, choices),
        Entry("model.outputs", outputs, ("one image's outputs as they came out of ONNX Runtime",)),
    ]
    if reading.renamed:
        entries.append(Entry("model.tensors", reading.renamed, ("the family's names for them",)))
    where = "the outputs' shapes" if reading.classes else labels.origin
    entries.append(Entry("model.classes", classes, (f"from {where}",)))
    entries.append(Entry("model.labels", labels.entry, (f"labels: {labels.origin}",), _told(choices)))
    entries += _preprocess_entries(best.family, wanted, facts)
    return Decision(
        family,
        "as told" if choices.family is not None else ranking.confidence,
        tuple(best.pro()),
        tuple(best.contra()),
        tuple(entries),
        tuple(item.family.family for item in ranking.remaining),
        ranking.reason,
        _summary(onnx.input.name, (onnx.channels, onnx.height, onnx.width), how, outputs, classes, labels.origin),
    )


def _of_checkpoint(facts: SourceFacts, families: Sequence[Family], choices: Choices) -> Decision:
    known = _known_labels(facts, choices)
    wanted = input_of_preprocessor(facts.preprocessor) if facts.preprocessor is not None else Input()
    found = read_checkpoint(facts, families, wanted, known.count, choices.prompts, choices.size)
    labels = _labels_for(found.classes, known)
    family = choices.family or found.family.family
    shown = f"family {family}, certain: {found.evidence}"
    entries = [
        Entry("model.family", family, (shown,), forced=choices.family is not None),
        *_input_entries("pixel_values", 3, found.size, found.size_origin, choices),
        Entry("model.outputs", found.outputs, ("as the export will have them, from config.json",)),
        Entry("model.classes", found.classes, (f"from {labels.origin}",)),
        Entry("model.labels", labels.entry, (f"labels: {labels.origin}",), _told(choices)),
        *_preprocess_entries(found.family, wanted, facts),
        *_export_entries(found, choices),
    ]
    shape = (3, *found.size)
    summary = _summary("pixel_values", shape, found.size_origin, found.outputs, found.classes, labels.origin)
    return Decision(family, "certain", (found.evidence,), (), tuple(entries), summary=summary)


def _export_entries(found: Checkpoint, choices: Choices) -> list[Entry]:
    if found.prompted:
        notes = ("classes frozen into the graph: others need another export",)
        return [Entry("source.export.frozen_prompt", list(choices.prompts), notes, forced=True)]
    return [Entry("source.export.task", "object-detection", ("there are only weights: they are exported to ONNX",))]


def _input_entries(name: str, channels: int, size: tuple[int, int], how: str, choices: Choices) -> list[Entry]:
    forced = choices.size is not None
    entries = [Entry("model.input.name", name, (f"input size: {how}",))]
    if channels != 3:
        entries.append(Entry("model.input.channels", channels))
    return [
        *entries,
        Entry("model.input.height", size[0], forced=forced),
        Entry("model.input.width", size[1], forced=forced),
    ]


def _preprocess_entries(family: Family, wanted: Input, facts: SourceFacts) -> list[Entry]:
    pre = family.defaults.preprocess
    values: dict[str, Any] = {
        "color": pre.color,
        "scale": pre.scale,
        "mean": list(pre.mean),
        "std": list(pre.std),
        "resize": pre.resize,
    }
    if facts.onnx is not None and facts.onnx.channels == 1:
        values |= {"color": "gray", "mean": values["mean"][:1], "std": values["std"][:1]}
    own = dict(wanted.values)
    if own.get("resize") == "stretch":
        del own["resize"]  # that images are not padded at the end does not mean that they were not before
    notes = [f"from preprocessor_config.json: {item}" for item in wanted.evidence]
    rest = [key for key in values if key not in own]
    notes.append(f"{', '.join(rest)}: as family {family.family} usually has it ({single_line(family.origin)})")
    values |= own
    plain = values["mean"] == [0] * len(values["mean"]) and values["std"] == [1] * len(values["std"])
    keys = [key for key in values if not plain or key not in ("mean", "std") or key in own]
    return [Entry(f"preprocess.{key}", values[key], tuple(notes) if key == keys[0] else ()) for key in keys]


def _known_labels(facts: SourceFacts, choices: Choices) -> _Labels:
    """Labels by the seed's order; what the user names comes before everything."""
    if choices.labels is not None:
        return _Labels(choices.labels, choices.label_count, f"the file {choices.labels}, as told")
    if choices.prompts:
        return _Labels(list(choices.prompts), len(choices.prompts), "the prompts, in their order")
    config = facts.config or {}
    table = label_table(config)
    if table:
        key = next(key for key in TABLES if key in config)
        found = _of_table(table, f"{key} of config.json")
        return _Labels("config", found.count, found.origin) if facts.config_beside else found
    table = labels_of_metadata(facts.onnx.metadata) if facts.onnx is not None else {}
    if table:
        return _of_table(table, "names in the model's metadata")
    if facts.labels is not None:
        return _Labels("config", len(facts.labels), facts.labels_origin)
    return _Labels(None, None, "")


def _of_table(table: Mapping[int, str], origin: str) -> _Labels:
    """A table written out as a list; N0507 for labels that nvinfer would not show, or far too many."""
    count = max(table) + 1
    if count > MAX_CLASSES:
        raise _refused("N0507", f"{origin} number the classes up to {count - 1}", "name a labels file: --labels FILE")
    for index, label in table.items():
        problem = label_problem(label)
        if problem is not None:
            raise _refused("N0507", f"label {index} of {origin} {problem}", "name a labels file: --labels FILE")
    return _Labels(in_class_order(table, count), count, f"{origin}{_holes(table)}")


def _told(choices: Choices) -> bool:
    return choices.labels is not None or bool(choices.prompts)


def _holes(table: Mapping[int, str]) -> str:
    missing = max(table) + 1 - len(table)
    return f"; {missing} numbers without a label become unused_<number>" if missing else ""


def _labels_for(classes: int | None, known: _Labels) -> _Labels:
    """The labels for this number of classes; N0507 where there are none, or too many."""
    if known.count is None or known.entry is None:
        found = "the number of classes is not known either" if classes is None else f"the model has {classes} classes"
        raise _refused(
            "N0507",
            f"nothing names the classes: no id2label, label2id or names, and no labels file; {found}",
            "write them to a file, one per line in class order, and name it: --labels FILE",
        )
    if classes is None or known.count == classes:
        return known
    if known.count > classes or not isinstance(known.entry, list):
        if known.entry == "config" and known.count < classes:
            return known  # the rule for config.json fills them up when the model is acquired
        raise _refused(
            "N0507",
            f"{known.count} labels ({known.origin}) for {classes} classes of the model",
            "name a file with one label per class, in class order: --labels FILE",
        )
    filled = in_class_order(dict(enumerate(known.entry)), classes)
    return _Labels(filled, classes, f"{known.origin}; the last {classes - known.count} have none there")


def _size_origin(choices: Choices, onnx: OnnxFacts, wanted: Input) -> str:
    if choices.size is not None:
        return "as told"
    if onnx.fixed_size:
        other = wanted.size is not None and wanted.size != (onnx.height, onnx.width)
        return "declared by the model" + (f", though its configuration says {wanted.size_evidence}" if other else "")
    if size_of_metadata(onnx.metadata) == (onnx.height, onnx.width):
        return "imgsz in the model's metadata"
    return wanted.size_evidence or "the model's configuration"


def _family_notes(best: Candidate, ranking: Ranking, choices: Choices) -> tuple[str, ...]:
    confidence = "as told" if choices.family is not None else ranking.confidence
    notes = [f"family {best.family.family}, {confidence}: {best.family.title}"]
    notes += [f"+ {single_line(text)}" for text in best.pro()[:_SHOWN]]
    notes += [f"- {single_line(text)}" for text in best.contra()[:_SHOWN]]
    for item in ranking.remaining[:_SHOWN]:
        notes.append(f"could also be {item.family.family}: {item.family.title}")
    if ranking.reason:
        notes.append(f"this one is the safer reading: {ranking.reason}")
    return tuple(notes)


def _no_family(onnx: OnnxFacts, ranking: Ranking) -> DsimportError:
    outputs = ", ".join(f"{item.name} {list(item.shape)}" for item in onnx.outputs[:8])
    notes = [
        f"{item.family.family}: {single_line('; '.join(item.contra()[:2]))}"
        for item in ranking.rest[:_SHOWN]
        if item.contra()
    ]
    return DsimportError(
        Diagnostic(
            "N0501",
            f"no family explains the outputs {single_line(outputs)}",
            help=(
                "name the family if you know it: --family NAME (docs/families.md lists them)",
                "or describe the outputs in a preset of your own (docs/presets.md): --family ./mine.yaml",
            ),
            notes=tuple(notes),
        )
    )


def _summary(
    name: str, image: Sequence[int], how: str, outputs: Mapping[str, list[int]], classes: int | None, origin: str
) -> dict[str, str]:
    shapes = ", ".join(f"{single_line(key)} {shape}" for key, shape in outputs.items())
    return {
        "input": f"{single_line(name)}, {' x '.join(map(str, image))} ({how})",
        "outputs": shapes,
        "classes": f"{classes}, labels: {origin}",
    }


def _refused(code: str, message: str, *advice: str) -> DsimportError:
    return DsimportError(Diagnostic(code, single_line(message), help=advice))
