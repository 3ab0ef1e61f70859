"""A model is examined in a process of its own: whatever it does there, the answer is a diagnostic."""

from __future__ import annotations

from pathlib import Path

import pytest
from layout_models import LAYOUTS, build

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.recognise.decide import Choices
from dsimport.compiler.recognise.facts import OnnxFacts, SourceFacts
from dsimport.runtime.look import collect
from dsimport.runtime.look.address import address_of, recipe_name
from dsimport.runtime.look.collect import examine


def examined(folder: Path) -> OnnxFacts:
    path = folder / "m.onnx"
    path.write_bytes(build(LAYOUTS["yolov6 export_onnx.py"]))
    return examine(path, "m.onnx", SourceFacts(name="m"), [], Choices())


def refused(folder: Path) -> Diagnostic:
    with pytest.raises(DsimportError) as caught:
        examined(folder)
    [found] = caught.value.diagnostics
    assert all(found.help)
    return found


def test_facts_come_back_from_another_process(tmp_path: Path) -> None:
    facts = examined(tmp_path)
    [out] = facts.outputs
    assert (facts.height, facts.width, facts.fixed_size, facts.opset) == (160, 160, True, 17)
    assert (out.name, out.dtype, out.shape) == ("outputs", "float32", (525, 8))
    assert facts.batch_diff <= 1e-5
    columns = out.axes[1]
    assert columns is not None
    assert (columns.low[4], columns.high[4], columns.integral[4]) == (1.0, 1.0, True)
    assert all(0 <= columns.low[at] <= columns.high[at] <= 1 for at in (5, 6, 7))
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_a_process_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "TIMEOUT_S", 0.05)
    found = refused(tmp_path)
    assert (found.code, "not done after" in found.message) == ("N0509", True)


def test_a_process_that_needs_too_much_memory_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "_MEMORY", 150 << 20)
    assert refused(tmp_path).code == "N0509"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("PekingU/rtdetr_r18vd", "rtdetr_r18vd"),
        ("YOLO11n.onnx", "yolo11n"),
        ("nvidia/tao/TrafficCamNet", "trafficcamnet"),
        ("../../etc/passwd", "passwd"),
        ("..", "model"),
        ("a/Modèle (v2)..x", "mod-le-v2-.x"),
        ("x" * 200, "x" * 64),
    ],
)
def test_a_name_for_the_recipe(title: str, name: str) -> None:
    assert recipe_name(title) == name


@pytest.mark.parametrize(
    ("text", "kind", "where", "revision", "file"),
    [
        ("acme/net", "huggingface", "acme/net", "main", None),
        ("acme/net@v1.0", "huggingface", "acme/net", "v1.0", None),
        ("https://hf.co/acme/net/tree/dev/onnx", "huggingface", "acme/net", "dev", None),
        ("https://huggingface.co/acme/net/resolve/dev/a%20b/m.onnx", "huggingface", "acme/net", "dev", "a b/m.onnx"),
        ("https://huggingface.co/api/models/acme/net", "huggingface", "acme/net", "main", None),
        (
            "https://catalog.ngc.nvidia.com/orgs/nvidia/models/peoplenet?version=v2.6",
            "ngc",
            "nvidia/peoplenet",
            "v2.6",
            None,
        ),
        ("http://example.com/a/net.onnx?x=1#top", "url", "http://example.com/a/net.onnx?x=1", None, None),
    ],
)
def test_what_a_person_names_as_a_source(
    text: str, kind: str, where: str, revision: str | None, file: str | None
) -> None:
    wanted = address_of(text, None).wanted
    assert (wanted.kind, wanted.where, wanted.revision, wanted.file) == (kind, where, revision, file)


def test_a_revision_of_the_command_line(tmp_path: Path) -> None:
    assert address_of("acme/net", "dev").wanted.revision == "dev"
    assert address_of("https://huggingface.co/acme/net/tree/main", "dev").wanted.revision == "dev"
    assert address_of(str(tmp_path), None).wanted.kind == "file"
