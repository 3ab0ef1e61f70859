"""Steps of a sweep: an engine of one batch, its throughput, and a pipeline run on it."""

from __future__ import annotations

from dsimport.compiler.emit.deepstream import emit_sweep_app
from dsimport.compiler.emit.nvinfer import emit_nvinfer
from dsimport.compiler.layout import SweepLayout
from dsimport.compiler.model import Model
from dsimport.compiler.parsers.names import ParserNames
from dsimport.compiler.plan import GeneratedFile, Step
from dsimport.compiler.steps.engine import bench, engine
from dsimport.compiler.steps.limits import HOUR
from dsimport.compiler.steps.pipeline import timed_argv
from dsimport.compiler.tools import Tools

__all__ = ["run_name", "sweep_bench", "sweep_engine", "sweep_run"]


def sweep_engine(model: Model, tools: Tools, n: int) -> Step:
    """An engine tuned for batch n."""
    made = engine(model, tools, n, layout=SweepLayout(model.name))
    return made.model_copy(update={"id": f"sweep-engine-b{n}", "needs": ()})


def sweep_bench(model: Model, tools: Tools, n: int) -> Step:
    """Its throughput at that batch."""
    layout = SweepLayout(model.name)
    made = bench(model, tools, n, layout=layout)
    needs, leaves = (f"sweep-engine-b{n}",), (layout.data, layout.chart)
    return made.model_copy(update={"id": f"sweep-bench-b{n}", "needs": needs, "leaves": leaves})


def run_name(batch: int, streams: int) -> str:
    """What the values of a pipeline run begin with."""
    return f"sweep.b{batch}.s{streams}"


def sweep_run(model: Model, names: ParserNames, tools: Tools, batch: int, streams: int) -> Step:
    """A pipeline of so many streams on the engine of a batch."""
    layout, run = SweepLayout(model.name), run_name(batch, streams)
    app, nvinfer = layout.app_config(batch, streams), layout.config(batch, streams)
    config = emit_nvinfer(model, names, layout.folder, streams, engine=batch, layout=layout)
    library, log = layout.parser(names.library), layout.pipeline_log(batch, streams)
    return Step(
        id=f"sweep-run-b{batch}-s{streams}",
        kind="ds-run",
        title=f"{model.benchmark.run_s:g} s",
        files=(
            GeneratedFile(path=nvinfer, content=config),
            GeneratedFile(path=app, content=emit_sweep_app(model, batch, streams)),
        ),
        inputs=(layout.onnx, layout.engine(batch), library, layout.labels, model.benchmark.video),
        outputs=(log,),
        argv=timed_argv(model, tools, app),
        log=log,
        params={"run": run, "streams": streams, "target_fps": model.benchmark.target_fps},
        gives=(f"{run}.total_fps", f"{run}.fps_per_stream"),
        tools=(tools.deepstream_app,),
        timeout_s=model.benchmark.run_s + HOUR / 2,
    )
