"""Lowering: a resolved model and a toolchain become a plan."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dsimport.compiler import steps as make
from dsimport.compiler.defaults import DEFAULTS
from dsimport.compiler.diagnostics import Report
from dsimport.compiler.emit.nvinfer import emit_nvinfer
from dsimport.compiler.emit.scripts import emit_step_scripts
from dsimport.compiler.escape import Unrepresentable
from dsimport.compiler.graphpasses import Deployed, applied, deployed
from dsimport.compiler.labelrules import labels_text
from dsimport.compiler.layout import FOLDERS, MAX_BATCH, RUN1_STREAMS, RUN2_RETRY_STREAMS, RUN2_STREAMS, Layout
from dsimport.compiler.model import Model, Toolchain, tracked
from dsimport.compiler.parsers.area import Area, active_area
from dsimport.compiler.parsers.emit import ParserOptions, abi_files, emit_makefile, emit_parser
from dsimport.compiler.parsers.names import ParserNames, parser_names
from dsimport.compiler.paths import directory
from dsimport.compiler.plan import Condition, GeneratedFile, Plan, Setting, Step, Text
from dsimport.compiler.resolve import Compiled
from dsimport.compiler.tools import tools_of
from dsimport.compiler.versions import release

__all__ = ["batch_sizes", "lower"]


def batch_sizes(max_batch: int, batch_limit: int) -> tuple[int, ...]:
    """The seed's strict doubling, unrolled: max_batch, 2 max_batch, ... up to the limit."""
    sizes = [max_batch]
    while sizes[-1] * 2 <= batch_limit:
        sizes.append(sizes[-1] * 2)
    return tuple(sizes)


def lower(compiled: Compiled, toolchain: Toolchain, compiler: str, report: Report) -> Plan | None:
    """The plan for one recipe. `compiler` is this program's name and version; None after an error."""
    model = compiled.resolved.model
    try:
        steps = _steps(compiled, toolchain)
    except Unrepresentable as error:
        report.error(
            "N0330",
            str(error),
            compiled.loaded.spans.value("model"),
            help="rename it in the recipe, or in the model's graph",
        )
        return None
    origins = compiled.resolved.origins
    settings = {
        key: Setting(value=value, origin=str(origins.get(key, "default")))
        for key, value in sorted(compiled.resolved.settings().items())
    }
    return Plan(
        compiler=compiler,
        name=model.name,
        recipe=compiled.loaded.path,
        home=Layout(model.name).home,
        toolchain=toolchain,
        inputs=compiled.inputs,
        settings=settings,
        steps=steps,
    )


def _steps(compiled: Compiled, toolchain: Toolchain) -> tuple[Step, ...]:
    model, tools = compiled.resolved.model, tools_of(toolchain)
    names = parser_names(model.name)
    after = deployed(model, compiled.binding)

    def step(build: Callable[[Model], Step], also: tuple[str, ...] = ()) -> Step:
        view, uses = tracked(model)
        built = build(view)
        return built.model_copy(update={"uses": tuple(sorted({*uses, *also} - {"name"}))})

    sizes = batch_sizes(model.engine.max_batch, model.engine.batch_limit)
    scaling: list[Step] = []
    conditions: tuple[Condition, ...] = ()
    for before, n in zip((None, *sizes), sizes, strict=False):
        when = conditions
        scaling.append(step(partial(make.engine, tools=tools, n=n, before=before, conditions=when)))
        scaling.append(step(partial(make.bench, tools=tools, n=n, conditions=when)))
        conditions = (*conditions, Condition(value=f"peak.b{n}.peak_gpu_streams", than=n))
    parser = _emit_parser(compiled, names, after)
    ds_run = partial(make.ds_run, names=names, tools=tools)
    retry = (
        Condition(value="run2.below_target", than=0),
        Condition(value="run2.streams", than=1),
    )
    steps = [
        step(partial(make.preflight, tools=tools)),
        step(make.acquire),
        *([step(partial(make.export, binding=compiled.binding), also=_BOUND)] if model.source.export else []),
        step(partial(make.graph, binding=compiled.binding, after=after), also=_BOUND),
        step(partial(make.inspect, after=after), also=_BOUND),
        *([] if model.engine.check is False else [step(make.check, also=("engine.check",))]),
        parser,
        step(partial(make.build_parser, names=names, sources=tuple(str(file.path) for file in parser.files))),
        *scaling,
        step(partial(make.scale, batches=sizes)),
        step(partial(make.bench_latency, tools=tools)),
        _emit_config(compiled, names, after),
        step(partial(make.visual, names=names, tools=tools, toolchain=toolchain)),
        step(partial(make.verify, names=names, binding=compiled.binding, after=after), also=_BOUND),
        step(partial(make.kitti, names=names, tools=tools)),
        step(partial(ds_run, run="run1", streams=RUN1_STREAMS)),
        step(partial(ds_run, run="run2", streams=RUN2_STREAMS)),
        step(partial(ds_run, run="run2_retry", streams=RUN2_RETRY_STREAMS, conditions=retry)),
    ]
    report = step(make.report)
    report = report.model_copy(update={"needs": tuple(item.id for item in steps if item.kind != "emit")})
    return (*steps, _emit_scripts(compiled, toolchain, tuple(steps)), report)


def _file(model: Model, path: str, emit: Callable[[Model], Text], also: tuple[str, ...] = ()) -> GeneratedFile:
    """A generated file with the settings its text was made from; `also` are those it got by another way."""
    view, uses = tracked(model)
    content = emit(view)
    return GeneratedFile(path=path, content=content, uses=tuple(sorted({*uses, *also} - {"name"})))


def _emit(step_id: str, title: str, files: tuple[GeneratedFile, ...], folders: tuple[str, ...] = ()) -> Step:
    uses = sorted({key for file in files for key in file.uses})
    params = {"folders": list(folders)} if folders else {}
    return Step(id=step_id, kind="emit", title=title, files=files, uses=tuple(uses), params=params)


# Settings that reach the parser through the binding.
_BOUND = ("model.family", "model.input.height", "model.input.width", "model.classes", "model.outputs", "model.tensors")


def _emit_parser(compiled: Compiled, names: ParserNames, after: Deployed) -> Step:
    model = compiled.resolved.model
    layout = Layout(model.name)
    folder = layout.parser()

    # The host passes its thresholds with every frame, so the recipe's is not compiled in.
    threshold = compiled.family.flat_defaults().get("parser.threshold", DEFAULTS["parser.threshold"])

    def source(m: Model) -> str:
        options = ParserOptions(names=names, threshold=threshold, select=m.parser.select, area=_shown_area(m))
        return emit_parser(after.binding, options)

    def makefile(m: Model) -> str:
        version = release(m.pipeline.deepstream)
        cuda = version.host(m.pipeline.platform).cuda
        return emit_makefile(names, cuda=cuda, deepstream_major=version.major, march=m.parser.march)

    files = [
        _file(model, f"{folder}/{names.source}", source, also=_BOUND),
        _file(model, f"{folder}/Makefile", makefile),
        *(GeneratedFile(path=f"{folder}/{path}", content=text) for path, text in sorted(abi_files().items())),
    ]
    return _emit("emit-parser", names.source, tuple(files), tuple(f"{layout.home}/{item}" for item in FOLDERS))


def _shown_area(model: Model) -> Area | None:
    """The part of the network input that shows the frame; None for all of it."""
    resize, net = model.preprocess.resize, model.model.input
    if resize == "stretch":
        return None
    muxer = model.pipeline.muxer
    frame = {"frame_height": muxer.height, "frame_width": muxer.width}
    return active_area(resize, height=net.height, width=net.width, **frame)


def _emit_config(compiled: Compiled, names: ParserNames, after: Deployed) -> Step:
    model = applied(compiled.resolved.model, after)
    layout = Layout(model.name)
    config, bench = layout.nvinfer_config, layout.nvinfer_bench_config
    files = [
        _file(model, config, lambda m: emit_nvinfer(m, names, directory(config), 1)),
        _file(model, bench, lambda m: emit_nvinfer(m, names, directory(bench), MAX_BATCH)),
    ]
    if model.model.labels != "config":
        files.append(_file(model, layout.labels, lambda m: labels_text(m.model.labels)))
    return _emit("emit-config", "nvinfer configs and labels", tuple(files))


def _emit_scripts(compiled: Compiled, toolchain: Toolchain, steps: tuple[Step, ...]) -> Step:
    model = compiled.resolved.model
    files = emit_step_scripts(model.name, compiled.loaded.path, toolchain, steps)
    return _emit("emit-scripts", "one script per step", files)
