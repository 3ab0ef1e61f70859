"""Every output layout is recognised for what it is, with its preprocessing, labels and shapes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from layout_models import LAYOUTS, Layout, build

from dsimport.compiler.escape import markdown_text
from dsimport.compiler.families import family_names, load_family
from dsimport.compiler.recognise.decide import Choices, Decision, decide, likely_size
from dsimport.compiler.recognise.facts import SourceFacts
from dsimport.runtime.look.probe import examine

FAMILIES = [load_family(name) for name in family_names()]
INPUTS = {key: item.model_dump(mode="json") for family in FAMILIES for key, item in family.inputs.items()}


def decided(layout: Layout, folder: Path, **facts: Any) -> Decision:
    """What `dsimport init` takes the model for; in this process, for speed."""
    path = folder / "model.onnx"
    path.write_bytes(build(layout))
    known = SourceFacts(name=layout.title, config=layout.config, preprocessor=layout.preprocessor, **facts)
    choices = Choices(labels="labels.txt" if layout.labels else None, label_count=layout.labels)
    size = likely_size(known, FAMILIES, choices)
    onnx = examine({"onnx": str(path), "size": size, "forced": False, "inputs": INPUTS})
    return decide(known.model_copy(update={"onnx": onnx}), FAMILIES, choices)


def values(decision: Decision) -> dict[str, Any]:
    return {entry.key: entry.value for entry in decision.entries}


@pytest.fixture(scope="module")
def decisions(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Decision]:
    """A function that gives the decision on a layout; each is made once."""
    made: dict[str, Decision] = {}

    def get(name: str) -> Decision:
        if name not in made:
            made[name] = decided(LAYOUTS[name], tmp_path_factory.mktemp("layout"))
        return made[name]

    return get


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_recognised(name: str, decisions: Callable[[str], Decision]) -> None:
    layout, decision = LAYOUTS[name], decisions(name)
    found = values(decision)
    assert (decision.family, decision.remaining) == (layout.family, layout.remaining)
    assert {key: found.get(key) for key in layout.expected} == layout.expected
    shapes = {out.name: list(out.shape) for out in layout.outputs}
    assert {key: shapes[key] for key in found["model.outputs"]} == found["model.outputs"]
    assert found["model.input.name"] == layout.input_name
    labels = found["model.labels"]
    assert labels == (
        "labels.txt" if layout.labels else "config" if layout.config else [f"thing {i}" for i in range(3)]
    )


def test_the_table_of_layouts(decisions: Callable[[str], Decision], golden: Callable[[str, str], None]) -> None:
    """Part of docs/recognition.md."""
    lines = []
    for name in LAYOUTS:
        decision = decisions(name)
        found = values(decision)
        pre = ", ".join(str(found[f"preprocess.{key}"]) for key in ("color", "scale", "resize"))
        normal = "" if not any(found.get("preprocess.mean", [0])) else ", mean and std"
        shapes = "; ".join(f"{key} {shape}" for key, shape in found["model.outputs"].items())
        cells = (name, f"`{decision.family}`", decision.confidence, shapes, str(found["model.classes"]), pre + normal)
        lines.append(f"| {' | '.join(cell if cell[0] == '`' else markdown_text(cell) for cell in cells)} |")
    golden("recognition/layouts.md", "\n".join(lines) + "\n")


def test_without_names_and_configuration_the_shapes_and_values_decide(tmp_path: Path) -> None:
    """Outputs numbered by a converter: the same family, with its tensors named in the recipe."""
    for name in ("ultralytics raw head", "yolo-nas, numbered outputs", "CenterNet", "SSD300 (torchvision, raw)"):
        layout = LAYOUTS[name]
        outputs = tuple(
            type(out)(f"t{at}", out.shape, out.kinds, out.axis, out.dtype) for at, out in enumerate(layout.outputs)
        )
        bare = Layout(layout.family, outputs, "x", (layout.size[0] or 160, layout.size[1] or 160), labels=3)
        decision = decided(bare, tmp_path)
        found = values(decision)
        assert layout.family in (decision.family, *decision.remaining), name
        assert sorted(found["model.tensors"].values()) == [f"t{at}" for at in range(len(outputs))], name


def test_a_certain_reading_needs_no_values_to_decide(tmp_path: Path) -> None:
    """The same tensors are four families; config.json says which."""
    base = LAYOUTS["RT-DETR (transformers)"]
    for model_type, family in (("d_fine", "rt-detr"), ("rf_detr", "rf-detr"), ("lw_detr", "deformable-detr")):
        layout = Layout(family, base.outputs, base.input_name, config={**(base.config or {}), "model_type": model_type})
        decision = decided(layout, tmp_path)
        assert (decision.family, decision.confidence, decision.remaining) == (family, "certain", ())
    unnamed = Layout("rt-detr", base.outputs, base.input_name, labels=3)
    decision = decided(unnamed, tmp_path)
    assert (decision.family, decision.confidence) == ("rt-detr", "open")
    assert {"deformable-detr", "rf-detr"} <= set(decision.remaining)
    assert decision.reason
