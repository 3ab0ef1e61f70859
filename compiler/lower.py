"""Lowering: a resolved model and a toolchain become a plan."""

from __future__ import annotations

from collections.abc import Callable

from dsimport.compiler import steps as make
from dsimport.compiler.diagnostics import Report
from dsimport.compiler.emit.nvinfer import emit_nvinfer
from dsimport.compiler.emit.scripts import emit_step_scripts
from dsimport.compiler.escape import Unrepresentable
from dsimport.compiler.layout import FOLDERS, MAX_BATCH, RUN1_STREAMS, RUN2_RETRY_STREAMS, RUN2_STREAMS, Layout
from dsimport.compiler.model import Model, Toolchain, tracked
from dsimport.compiler.parsers.emit import ParserOptions, abi_files, emit_makefile, emit_parser
from dsimport.compiler.parsers.names import ParserNames, parser_names
from dsimport.compiler.paths import directory
from dsimport.compiler.plan import Condition, GeneratedFile, Plan, Setting, Step
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

    def step(build: Callable[[Model], Step]) -> Step:
        view, uses = tracked(model)
        built = build(view)
        return built.model_copy(update={"uses": tuple(sorted(uses - {"name"}))})

    sizes = batch_sizes(model.engine.max_batch, model.engine.batch_limit)
    scaling: list[Step] = []
    conditions: tuple[Condition, ...] = ()
    for n in sizes:
        when = conditions
        scaling.append(step(lambda m, n=n, when=when: make.engine(m, tools, n, when)))  # type: ignore[misc]
        scaling.append(step(lambda m, n=n, when=when: make.bench(m, tools, n, when)))  # type: ignore[misc]
        conditions = (*conditions, Condition(value=f"peak.b{n}.peak_gpu_streams", than=n))
    retry = (
        Condition(value="run2.below_target", than=0),
        Condition(value="run2.streams", than=1),
    )
    steps = [
        step(lambda m: make.preflight(m, tools)),
        step(make.acquire),
        step(make.graph),
        step(make.inspect),
        _emit_parser(compiled, names),
        step(lambda m: make.build_parser(m, names)),
        *scaling,
        step(lambda m: make.scale(m, sizes)),
        step(lambda m: make.bench_latency(m, tools)),
        _emit_config(compiled, names),
        step(lambda m: make.visual(m, names, tools, toolchain)),
        step(lambda m: make.kitti(m, names, tools)),
        step(lambda m: make.ds_run(m, names, tools, "run1", RUN1_STREAMS)),
        step(lambda m: make.ds_run(m, names, tools, "run2", RUN2_STREAMS)),
        step(lambda m: make.ds_run(m, names, tools, "run2_retry", RUN2_RETRY_STREAMS, retry)),
    ]
    report = step(make.report)
    report = report.model_copy(update={"needs": tuple(item.id for item in steps if item.gives)})
    return (*steps, _emit_scripts(compiled, toolchain, tuple(steps)), report)


def _file(model: Model, path: str, emit: Callable[[Model], object], *, executable: bool = False) -> GeneratedFile:
    """A generated file with the settings its text was made from."""
    view, uses = tracked(model)
    content = emit(view)
    return GeneratedFile(path=path, content=content, executable=executable, uses=tuple(sorted(uses - {"name"})))


def _emit(step_id: str, title: str, files: tuple[GeneratedFile, ...], folders: tuple[str, ...] = ()) -> Step:
    uses = sorted({key for file in files for key in file.uses})
    params = {"folders": list(folders)} if folders else {}
    return Step(id=step_id, kind="emit", title=title, files=files, uses=tuple(uses), params=params)


def _emit_parser(compiled: Compiled, names: ParserNames) -> Step:
    model = compiled.resolved.model
    layout = Layout(model.name)
    folder = f"{layout.home}/parser"
    version = release(model.pipeline.deepstream)

    def source(m: Model) -> str:
        # What the source is specialised for: read here so that a change of one of them is named in the plan.
        shapes = (m.model.family, m.model.input.height, m.model.input.width, m.model.classes, m.model.outputs)
        del shapes
        options = ParserOptions(
            names=names,
            threshold=m.parser.threshold,
            select=m.parser.select,
        )
        return emit_parser(compiled.binding, options)

    def makefile(m: Model) -> str:
        major = release(m.pipeline.deepstream).major
        return emit_makefile(names, cuda=version.cuda, deepstream_major=major, march=m.parser.march)

    files = [
        _file(model, f"{folder}/{names.source}", source),
        _file(model, f"{folder}/Makefile", makefile),
        *(GeneratedFile(path=f"{folder}/{path}", content=text) for path, text in sorted(abi_files().items())),
    ]
    return _emit("emit-parser", names.source, tuple(files), tuple(f"{layout.home}/{item}" for item in FOLDERS))


def _emit_config(compiled: Compiled, names: ParserNames) -> Step:
    model = compiled.resolved.model
    layout = Layout(model.name)
    config, bench = layout.nvinfer_config, layout.nvinfer_bench_config
    files = [
        _file(model, config, lambda m: emit_nvinfer(m, names, directory(config), 1)),
        _file(model, bench, lambda m: emit_nvinfer(m, names, directory(bench), MAX_BATCH)),
    ]
    if model.model.labels != "config":
        files.append(_file(model, layout.labels, lambda m: "".join(f"{label}\n" for label in m.model.labels)))
    return _emit("emit-config", "nvinfer configs and labels", tuple(files))


def _emit_scripts(compiled: Compiled, toolchain: Toolchain, steps: tuple[Step, ...]) -> Step:
    model = compiled.resolved.model
    files = emit_step_scripts(model.name, compiled.loaded.path, toolchain, steps)
    return _emit("emit-scripts", "one script per step", files)
