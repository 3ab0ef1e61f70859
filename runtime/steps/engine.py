"""Step `engine`: build one dynamic TensorRT engine."""

from __future__ import annotations

from pathlib import Path

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.runtime.atomic import host_errors, write_text
from dsimport.runtime.digest import hash_file
from dsimport.runtime.formats.trtexec import parse_trtexec_log
from dsimport.runtime.sidecar import Sidecar, sidecar_text
from dsimport.runtime.steps.base import TOOL_FAILED, Context, Outcome
from dsimport.runtime.steps.recovery import Build, build, recipe_line
from dsimport.runtime.toolversions import DRIVER, GPU, OWN_PREFIX, TENSORRT, ToolVersions, find_program
from dsimport.runtime.trt.library import has_tensorrt

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """Run the builder and write down what it made. The engine must exist afterwards, whatever the exit code said."""
    params = context.step.params
    made = build(context, _command(context))
    engine = context.root / params["engine"]
    if not engine.is_file() or engine.stat().st_size == 0:
        raise DsimportError(
            Diagnostic(
                "T0410",
                f"{made.argv[0]} ended well but wrote no engine",
                notes=tuple(f"log: {line}" for line in made.done.tail[-5:]),
                help=(f"read {made.log}",),
            ),
            exit_code=TOOL_FAILED,
        )
    write_text(context.root / params["sidecar"], sidecar_text(_sidecar(context, engine, made)))
    size = engine.stat().st_size
    given = {"bytes": size, "changed": made.changed}
    with_what = "".join(f", {rung['change']}" for rung in made.taken)
    return Outcome(
        {name: given[name.rpartition(".")[2]] for name in context.step.gives},
        f"{size / 1e6:.1f} MB, {context.step.title}{with_what}",
    )


def _command(context: Context) -> list[str]:
    """The step's command; where its program is missing and the plan leaves the choice, by TensorRT's Python API."""
    words, instead = context.argv(), context.step.hints.get("instead")
    if instead is None or find_program(words[0]) is not None or not has_tensorrt():
        return words
    context.say(f"no {words[0]} on this host: {instead} builds the engine")
    return [instead, *words[1:]]


def _sidecar(context: Context, engine: Path, made: Build) -> Sidecar:
    """The builder's own words where its log has them, else what the host says."""
    params, builder = context.step.params, made.argv[0]
    log = parse_trtexec_log(made.log.read_text("utf-8", "replace"))
    host = ToolVersions()
    real = not builder.startswith(OWN_PREFIX)  # the reference builds for no GPU, whatever this host has
    name, _, capability = (host.of(GPU) or "" if real else "").rpartition(", ")
    onnx = next((rung["simplify"] for rung in made.taken if "simplify" in rung), params["onnx"])
    with host_errors(engine):
        digest, onnx_digest = hash_file(engine), hash_file(context.root / onnx)
    return Sidecar(
        engine=engine.name,
        sha256=digest,
        builder=builder,
        tensorrt=(log.version or host.of(TENSORRT)) if real else None,
        gpu=log.device or name or None,
        compute_capability=log.capability or capability or None,
        driver=host.of(DRIVER) if real else None,
        precision=params["precision"],
        profile=params["profile"],
        onnx_sha256=onnx_digest,
        changed=tuple(recipe_line(rung) for rung in made.taken),
    )
