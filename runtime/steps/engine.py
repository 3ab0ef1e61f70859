"""Step `engine`: build one dynamic TensorRT engine."""

from __future__ import annotations

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.runtime.steps.base import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """Run the builder. The engine must exist afterwards, whatever the exit code said."""
    done = context.run()
    engine = context.root / context.step.params["engine"]
    if not engine.is_file() or engine.stat().st_size == 0:
        raise DsimportError(
            Diagnostic(
                "T0410",
                f"{context.argv()[0]} ended well but wrote no engine",
                notes=tuple(f"log: {line}" for line in done.tail[-5:]),
                help=(f"read {context.log_path}",),
            ),
            exit_code=4,
        )
    return Outcome({}, f"{engine.stat().st_size / 1e6:.1f} MB, {context.step.title}")
