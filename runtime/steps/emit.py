"""Step `emit`: the files were written before this ran; what is left are the seed's folders."""

from __future__ import annotations

from dsimport.runtime.steps.base import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """Make the folders named in `params.folders`."""
    for folder in context.step.params.get("folders", ()):
        (context.root / folder).mkdir(parents=True, exist_ok=True)
    return Outcome({}, f"{len(context.step.files)} files")
