"""Step `build-parser`: make, with the folder's own Makefile."""

from __future__ import annotations

from dsimport.runtime.steps.base import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """Run make; its target `check` has already looked for the symbol."""
    context.run()
    size = (context.root / context.step.params["library"]).stat().st_size
    return Outcome({}, f"{size / 1024:.0f} KiB, {context.step.params['symbol']}")
