"""The step `export`: retries, report, refusals, and what the exporting process is given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from export_support import HOME, Fake, context_of

from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.export import run as export_run
from dsimport.runtime.steps.base import Outcome
from dsimport.runtime.steps.export import run

TOKEN = "hf_PlantedPlantedPlanted42"


def export(fake: Fake, **changes: Any) -> tuple[Outcome, list[str]]:
    said: list[str] = []
    return run(context_of(fake.folder, said.append, **changes)), said


def report(fake: Fake) -> list[tuple[str, str]]:
    """Stage and error of every attempt in the report."""
    document = json.loads((fake.folder / HOME / "model/export_report.json").read_text("utf-8"))
    return [(item["stage"], item["error"]) for item in document["attempts"]]


def failure(fake: Fake, **changes: Any) -> DsimportError:
    with pytest.raises(DsimportError) as caught:
        export(fake, **changes)
    return caught.value


def test_the_first_attempt_that_equals_the_model_is_taken(fake: Fake) -> None:
    outcome, _ = export(fake)
    assert outcome.values == {
        "export.max_abs_diff": 1e-6,
        "export.exporter": "optimum",
        "export.opset": 17,
        "export.attempts": 1,
    }
    assert "detr with optimum, opset 17" in outcome.summary
    assert (fake.folder / HOME / "model/source/m.onnx").read_bytes() == b"onnx"
    assert report(fake) == [("done", "")]
    assert not list((fake.folder / HOME / "model").glob(".dsimport-tmp-*"))


def test_each_retry_says_what_it_changes_and_the_report_has_them_all(fake: Fake) -> None:
    fake.play(optimum=["export: ValueError: no", "check: 30 of 30 queries differ", "killed"], torch=["check: 1", "ok"])
    outcome, said = export(fake)
    assert outcome.values["export.attempts"] == 5
    assert fake.requests() == [
        ("optimum", 17, True),
        ("optimum", 18, True),
        ("optimum", 18, False),
        ("torch", 17, True),
        ("torch", 18, True),
    ]
    assert [line.removeprefix("trying again: ") for line in said if line.startswith("trying again")] == [
        "opset 18 instead of 17",
        "without optimum's post-processing of the graph",
        "torch's exporter instead of optimum",
        "opset 18 instead of 17",
    ]
    stages = report(fake)
    assert stages[0] == ("export", "ValueError: no")
    assert stages[1] == ("check", "30 of 30 queries differ")
    assert "was killed (signal 9)" in stages[2][1]
    assert stages[4] == ("done", "")


def test_when_all_fail_the_diagnostic_lists_them(fake: Fake) -> None:
    fake.play(optimum=["export: no"], torch=["check: differs"], dynamo=["export: ConversionError"])
    error = failure(fake)
    [found] = error.diagnostics
    assert (found.code, error.exit_code) == ("A0256", 4)
    assert "none of 6 attempts" in found.message
    assert [note.partition(". ")[0] for note in found.notes[:-1]] == ["1", "2", "3", "4", "5", "6"]
    assert len(report(fake)) == 6
    assert not (fake.folder / HOME / "model/source/m.onnx").exists()


def test_a_checkpoint_that_does_not_load_is_not_tried_again_in_the_same_place(fake: Fake) -> None:
    fake.play(optimum=["load: OSError: no backbone"], torch=["ok"])
    assert export(fake)[0].values["export.exporter"] == "torch"
    assert [stage for stage, _ in report(fake)] == ["load", "skipped", "skipped", "done"]
    fake.play(optimum=["load: SafetensorError: header too large"], torch=["load: the same"])
    error = failure(fake)
    assert (error.diagnostics[0].code, error.exit_code) == ("A0257", 1)


def test_timm_is_laid_over_the_environment_where_the_backbone_is_its_own(fake: Fake) -> None:
    fake.play(optimum=["load: ImportError: requires the timm library", "check: differs", "export: no"], torch=["ok"])
    outcome, said = export(fake)
    assert "the checkpoint's backbone is of the package timm" in said
    assert (outcome.values["export.attempts"], "transformers-5, timm" in outcome.summary) == (4, True)
    overlays = [[Path(folder).name for folder in item["request"]["overlays"]] for item in fake.seen()]
    assert overlays == [[], ["timm"], ["timm"], ["timm"], ["transformers-5", "timm"]]
    assert [item["request"]["timm"] for item in fake.seen()] == [False, *[True] * 4]
    fake.play(optimum=["load: timm has no resnet51"], torch=["load: timm has no resnet51"])
    assert failure(fake).diagnostics[0].code == "A0257"


def test_a_broken_environment_is_made_anew_once(fake: Fake) -> None:
    fake.play(optimum=["environment: ImportError: libtorch.so", "ok"])
    assert export(fake)[0].values["export.attempts"] == 1
    assert sum(call.startswith("venv") for call in fake.uv_calls) == 2
    assert fake.requests() == [("optimum", 17, True)] * 2


def test_silence_ends(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_run, "ATTEMPT_S", 0.4)
    fake.play(torch=["silent"])
    error = failure(fake, exporter="torch", opset=17)
    assert "no result within 0.4 s" in error.diagnostics[0].notes[0]


@pytest.mark.parametrize(
    ("config", "code", "words"),
    [
        ({"model_type": "rt_detr"}, "A0254", "write family: rt-detr"),
        ({"model_type": "bert"}, "A0254", "export it with the tool it comes from"),
        ({}, "A0253", "save_pretrained"),
        ([], "A0253", "save_pretrained"),
    ],
)
def test_other_models_are_refused_before_anything_is_made(fake: Fake, config: Any, code: str, words: str) -> None:
    context = context_of(fake.folder)
    (fake.folder / HOME / "model/checkpoint/config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(DsimportError) as caught:
        run(context)
    [found] = caught.value.diagnostics
    assert found.code == code
    assert words in found.help[0]
    assert fake.uv_calls == []


def test_an_exporter_that_is_wrong_at_this_size_is_refused(fake: Fake) -> None:
    models = {"detr": {"exporters": ["optimum"], "stack": "transformers-5", "square": ["optimum"], "quirks": []}}
    found = failure(fake, models=models, exporter="optimum").diagnostics[0]
    assert (found.code, "not for 96 x 64" in found.message, fake.uv_calls) == ("A0258", True, [])


def test_the_exporter_is_offline_and_gets_no_secrets(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "NGC_API_KEY", "PLANTED"):
        monkeypatch.setenv(name, TOKEN)
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    fake.play(optimum=["environment: broken", "export: no"], torch=["ok"])
    export(fake)
    given = [item["environment"] for item in fake.seen()]
    assert [item["HF_HUB_OFFLINE"] for item in given] == ["1"] * len(given)
    assert [item for item in given if "PYTHONPATH" in item] == []
    overlays = [item["request"]["overlays"] for item in fake.seen()]
    assert overlays == [[]] * 4 + [[str(fake.environment / "overlays" / "transformers-5")]]
    assert {Path(item["HOME"]).name for item in given} == {".dsimport-tmp-export"}
    written = [path for path in fake.folder.rglob("*") if path.is_file()]
    assert [str(path) for path in written if TOKEN.encode() in path.read_bytes()] == []


def test_a_request_has_what_recipe_and_preset_say(fake: Fake) -> None:
    export(fake, prompts=["red car"], opset=16, exporter="torch", task="t")
    [request] = [item["request"] for item in fake.seen()]
    assert request["prompts"] == ["red car"]
    assert (request["task"], request["opset"], request["batch"]) == ("t", 16, 4)
    assert request["outputs"]["boxes"] == {"of": "pred_boxes", "name": "boxes"}
    assert request["safetensors"] is False
    (fake.folder / HOME / "model/checkpoint/model.safetensors").touch()
    export(fake)
    assert fake.seen()[-1]["request"]["safetensors"] is True
