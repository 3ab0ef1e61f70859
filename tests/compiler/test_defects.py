"""What the seed gets wrong cannot come out of this compiler: one test per trap, over every file and command of plans.

The numbers are those of docs/defects.md, which names these tests.
"""

from __future__ import annotations

import posixpath
import re

import pytest
from test_lower_golden import RECIPES, TOOLCHAINS, plan_of

from dsimport.compiler.deepstream_keys import MAX_SOURCES
from dsimport.compiler.plan import Plan, show_text
from dsimport.runtime.reference.keyfile import KeyFile

VALUES = {"max_batch": 16, "run1.streams": 12, "run2.streams": 10, "run2_retry.streams": 5}


@pytest.fixture(params=[(name, toolchain) for name in RECIPES for toolchain in TOOLCHAINS], ids="-".join)
def plan(request: pytest.FixtureRequest) -> Plan:
    """Each recipe for each toolchain."""
    name, toolchain = request.param
    return plan_of(name, toolchain)


def files(plan: Plan) -> dict[str, str]:
    """Every generated file by path, unknowns filled in."""
    return {show_text(file.path, VALUES): show_text(file.content, VALUES) for file in plan.files()}


def groups(text: str) -> dict[str, dict[str, str]]:
    """A key file as GLib reads it."""
    read = KeyFile(text)
    return {group: {key: read.string(group, key) for key in read.keys(group)} for group in read.groups()}


def nvinfer_configs(plan: Plan) -> dict[str, dict[str, dict[str, str]]]:
    return {path: groups(text) for path, text in files(plan).items() if "/config_infer_primary_" in path}


def app_configs(plan: Plan) -> dict[str, dict[str, dict[str, str]]]:
    return {path: groups(text) for path, text in files(plan).items() if "/deepstream_app_" in path}


def commands(plan: Plan, kind: str) -> dict[str, list[str]]:
    return {step.id: [show_text(word, VALUES) for word in step.argv or ()] for step in plan.steps if step.kind == kind}


def scripts(plan: Plan) -> dict[str, str]:
    return {path: text for path, text in files(plan).items() if path.endswith(".sh")}


def options(words: list[str]) -> dict[str, str]:
    """`--name=value` words of a command."""
    return dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))


def test_the_clip_is_the_samples_unless_the_recipe_names_one() -> None:
    """Seed: sample_720p.mp4, and no other one by itself."""
    clips = {name: plan_of(name, "deepstream").step("preflight").params["videos"] for name in RECIPES}
    assert clips["short"] == ["/opt/nvidia/deepstream/deepstream/samples/streams/sample_720p.mp4"]
    assert clips["full"] == ["recipes/clips/crowd.mp4", "recipes/clips/street.mp4"]


@pytest.mark.parametrize(("name", "aspect"), [("centerface", "0 0"), ("full", "1 0"), ("short", "0 0")])
def test_resizing_follows_the_recipe(name: str, aspect: str) -> None:
    """2: not every model is letterboxed."""
    for config in nvinfer_configs(plan_of(name, "deepstream")).values():
        keys = config["property"]
        assert f"{keys['maintain-aspect-ratio']} {keys['symmetric-padding']}" == aspect


def test_the_cluster_mode_is_always_written_and_never_zero(plan: Plan) -> None:
    """4: without the key nvinfer takes NMS 0.5 and 20 objects per class."""
    modes = {config["property"]["cluster-mode"] for config in nvinfer_configs(plan).values()}
    assert modes <= {"2", "4"}
    assert modes


def test_class_attributes_are_those_that_have_an_effect(plan: Plan) -> None:
    """5, 8: no post-cluster-threshold, no topk=-1, no NMS key without NMS, figures from recipe and family."""
    for config in nvinfer_configs(plan).values():
        settings = plan.settings
        assert float(config["class-attrs-all"]["pre-cluster-threshold"]) == pytest.approx(
            settings["parser.threshold"].value
        )
        assert int(config["class-attrs-all"]["topk"]) == settings["parser.top_k"].value
        for group in (name for name in config if name.startswith("class-attrs-")):
            assert "post-cluster-threshold" not in config[group]
            assert int(config[group].get("topk", "0")) >= 0
            nms = config["property"]["cluster-mode"] == "2"
            assert ("nms-iou-threshold" in config[group]) == nms or group != "class-attrs-all"


def test_the_parser_is_always_one_of_our_own(plan: Plan) -> None:
    """9: vendors' parsers with their mistakes are never named."""
    for path, config in nvinfer_configs(plan).items():
        keys = config["property"]
        library = posixpath.normpath(posixpath.join(posixpath.dirname(path), keys["custom-lib-path"]))
        assert library in [show_text(item, VALUES) for item in plan.step("build-parser").outputs]
        assert keys["parse-bbox-func-name"] == plan.step("build-parser").params["symbol"]


def test_the_latency_step_says_which_engine_it_measures(plan: Plan) -> None:
    """22: kernels are tuned for the largest batch, as the seed wants it; nobody is to take it for a tuned batch 1."""
    step = plan.step("bench-b1")
    assert step.title == "batch 1, on the engine tuned for the largest"
    assert show_text((step.argv or ())[1], VALUES).endswith(f"_dynamic_b{VALUES['max_batch']}.engine")


def test_keys_without_use_are_not_written(plan: Plan) -> None:
    """15, 23: gpu-id makes reading the file need a GPU; the others do nothing. 14: the filter is always written."""
    useless = {
        "gpu-id",
        "workspace-size",
        "dynamic-properties",
        "force-implicit-batch-dim",
        "model-type",
        "is-classifier",
    }
    for config in nvinfer_configs(plan).values():
        assert useless & set(config["property"]) == set()
        assert config["property"]["scaling-filter"] != "6"


def test_the_input_size_is_always_written(plan: Plan) -> None:
    """16, setDimensions: infer-dims is C;H;W of the recipe."""
    wanted = [plan.settings[f"model.input.{key}"].value for key in ("channels", "height", "width")]
    for config in nvinfer_configs(plan).values():
        assert [int(item) for item in config["property"]["infer-dims"].split(";")] == wanted


def test_pipelines_never_ask_for_more_than_the_engine_holds(plan: Plan) -> None:
    """17, 18, 42: streams, batch sizes and the engine's name are the same unknowns; engines begin at batch 1."""
    engine = show_text(plan.step("kitti").inputs[1], VALUES)
    for path, config in nvinfer_configs(plan).items():
        keys = config["property"]
        named = posixpath.normpath(posixpath.join(posixpath.dirname(path), keys["model-engine-file"]))
        assert named == engine
        assert named.endswith(f"_dynamic_b{VALUES['max_batch']}.engine")
        assert int(keys["batch-size"]) in (1, VALUES["max_batch"])
    for config in app_configs(plan).values():
        streams = int(config["source0"]["num-sources"])
        assert streams <= min(VALUES["max_batch"], MAX_SOURCES)
        assert int(config["streammux"]["batch-size"]) == int(config["primary-gie"]["batch-size"]) == streams
    for name, words in commands(plan, "engine").items():
        shapes = {
            key: value.rpartition(":")[2].split("x")[0] for key, value in options(words).items() if "Shapes" in key
        }
        n = name.removeprefix("engine-b")
        assert shapes == {"minShapes": "1", "optShapes": n, "maxShapes": n}


def test_precision_of_the_configuration_is_that_of_the_engine(plan: Plan) -> None:
    """19: nvinfer never compares network-mode with the engine."""
    modes = {config["property"]["network-mode"] for config in nvinfer_configs(plan).values()}
    assert modes == {{"fp32": "0", "fp16": "2"}[plan.settings["engine.precision"].value]}


def test_paths_of_configurations_lead_to_files_of_the_plan(plan: Plan) -> None:
    """21, engine rebuilds: relative to the file's own folder, every path is something that the plan makes or reads."""
    known = {show_text(item, VALUES) for step in plan.steps for item in (*step.outputs, *step.inputs)}
    known |= set(files(plan))
    for path, config in {**nvinfer_configs(plan), **app_configs(plan)}.items():
        values = {key: value for group in config.values() for key, value in group.items()}
        for key in ("onnx-file", "model-engine-file", "labelfile-path", "custom-lib-path", "config-file"):
            if key in values:
                assert posixpath.normpath(posixpath.join(posixpath.dirname(path), values[key])) in known, (path, key)


def test_benchmarks_give_shapes_and_leave_transfers_and_precision_out(plan: Plan) -> None:
    """27, 28, 29: --shapes with the real batch, --noDataTransfers, and no build option beside --loadEngine."""
    for name, words in commands(plan, "bench").items():
        given = options(words)
        batch = plan.step(name).params["batch"]
        assert given["shapes"].rpartition(":")[2].startswith(f"{batch}x")
        assert "noDataTransfers" in given
        assert given.keys() & {"fp16", "int8", "best", "memPoolSize", "saveEngine", "onnx"} == set()


def test_nothing_is_piped_and_no_exit_code_is_dropped(plan: Plan) -> None:
    """30, 34: no `| tee`, no `| head`, no `|| true`; scripts stop at the first failure."""
    for path, text in scripts(plan).items():
        code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        assert "\nset -eu\n" in f"\n{code}\n", path
        assert re.search(r"(?<!\|)\|(?!\|)", re.sub(r"'[^']*'|^\s*[^\n|]*\) .*;;$", "", code, flags=re.M)) is None, path
        assert "|| true" not in code


def test_benchmarks_run_only_what_they_measure(plan: Plan) -> None:
    """Seed: no tiler and no OSD in benchmarks; 35: PERF rows with an interval above 0 in every file."""
    for path, config in app_configs(plan).items():
        assert int(config["application"]["perf-measurement-interval-sec"]) > 0
        assert config["tiled-display"]["enable"] == "0"
        if "/benchmarks/" in path:
            assert config["application"]["enable-perf-measurement"] == "1"
            assert (config["osd"]["enable"], config["sink0"]["type"], config["sink0"]["sync"]) == ("0", "1", "0")


def test_endless_runs_are_ended_by_the_command_and_others_end_themselves(plan: Plan) -> None:
    """file-loop never ends, so it stands only where `timeout` asks deepstream-app to finish."""
    for step in plan.steps:
        for file in step.files:
            if "/deepstream_app_" not in show_text(file.path):
                continue
            loops = groups(show_text(file.content, VALUES))["tests"]["file-loop"] != "0"
            words = [show_text(word, VALUES) for word in step.argv or ()]
            assert loops == (words[:1] == ["timeout"]), step.id
            assert not loops or words[words.index("-s") + 1] == "INT"


def test_names_of_configurations_end_as_deepstream_wants(plan: Plan) -> None:
    """Any other suffix is not read at all."""
    for words in [*commands(plan, "kitti").values(), *commands(plan, "ds-run").values()]:
        assert words[words.index("-c") + 1].endswith(".txt")


def test_sources_and_sinks_are_enabled_and_fit(plan: Plan) -> None:
    """A group without enable=1 is off, and a source that no sink names loses its frames after inference."""
    for config in app_configs(plan).values():
        for group in ("source0", "sink0", "primary-gie"):
            assert config[group]["enable"] == "1"
        assert config["sink0"]["source-id"] == "0"
        assert "input-tensor-meta" not in config["primary-gie"]


def test_the_muxer_has_the_size_of_the_recipe(plan: Plan) -> None:
    """41: KITTI coordinates are in it."""
    wanted = [str(plan.settings[f"pipeline.muxer.{key}"].value) for key in ("width", "height")]
    for config in app_configs(plan).values():
        assert [config["streammux"]["width"], config["streammux"]["height"]] == wanted
    for path, text in scripts(plan).items():
        if path.endswith("ds-single-stream.sh"):
            assert f"width={wanted[0]} height={wanted[1]}" in text


def test_kitti_files_are_asked_of_the_application(plan: Plan) -> None:
    """Zero KITTI files: the key stands in deepstream-app's file, and its folder is one that the plan makes."""
    made = plan.step("emit-parser").params["folders"]
    (path,) = [path for path in app_configs(plan) if "_kitti_" in path]
    folder = app_configs(plan)[path]["application"]["gie-kitti-output-dir"]
    assert posixpath.normpath(posixpath.join(posixpath.dirname(path), folder)) in made
    for config in nvinfer_configs(plan).values():
        assert "gie-kitti-output-dir" not in config["property"]


def test_uris_of_many_sources_are_printf_formats_of_themselves(plan: Plan) -> None:
    """38: with type 3 the URI is a format; filled in with an index it is the clip's own path, without a `%`."""
    for config in app_configs(plan).values():
        uri = config["source0"]["uri"]
        assert "%" not in uri.replace("%%", "")
        assert config["source0"]["type"] in ("2", "3")


def test_no_queue_leaks(plan: Plan) -> None:
    """40: a queue that drops compressed frames damages the picture, and files need not drop any."""
    for path, text in files(plan).items():
        assert not re.search(r"\bleaky\b", text), path


def test_forbidden_encoders_are_nowhere(plan: Plan) -> None:
    """Seed: x264enc and openh264enc are prohibited; also no encoder is chosen by DeepStream itself."""
    for path, text in files(plan).items():
        assert not re.search(r"x264enc|openh264enc|enc-type=1", text), path
