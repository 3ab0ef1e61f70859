"""Building an engine in a bounded number of attempts, each of which changes one thing that is known to help."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError, Severity
from dsimport.runtime.formats.trtexec_failures import Found, known_failure
from dsimport.runtime.process import Finished
from dsimport.runtime.steps.base import Context
from dsimport.runtime.steps.graph import serve

__all__ = ["Build", "build", "recipe_line"]

Rung = dict[str, Any]
HOST_FAULT = 1
BETWEEN = "; "


@dataclass
class Build:
    """How an engine came to be. argv, log: of the attempt that succeeded; taken: rungs of the ladder it stands on."""

    done: Finished
    argv: list[str]
    log: Path
    taken: list[Rung] = field(default_factory=list)

    @property
    def changed(self) -> str:
        """The recipe keys that were changed, as the value for later engines has them."""
        return BETWEEN.join(rung["setting"] for rung in self.taken)


def build(context: Context, argv: list[str]) -> Build:
    """Run the builder until it ends well or the ladder ends. DsimportError: the last failure and all that was tried."""
    hints = context.step.hints
    ladder: list[Rung] = hints.get("recovery", [])
    logs = [context.log_path, *(context.path(name) for name in hints.get("logs", []))]
    for old in logs[1:]:
        old.unlink(missing_ok=True)
    before = str(context.values.get(hints.get("begin", "")) or "").split(BETWEEN)
    taken = [rung for rung in ladder if rung["setting"] in before and _prepared(context, rung)]
    spent = list(taken)
    tried: list[str] = []
    for log in logs:
        words = _with(argv, taken)
        try:
            done = context.run(words, log=log)
        except DsimportError as error:
            found = known_failure(_text(log)) if error.diagnostics[0].code == "T0602" else None
            tried.append(f"{_shown(context, log)}: {_in_words(taken)}: {found.cause if found else 'failed'}")
            rung = _next(context, ladder, spent, found) if log is not logs[-1] else None
            if rung is None:
                raise _explained(context, error, found, tried) from None
            taken.append(rung)
            _say(context, found, rung, len(tried))
        else:
            made = Build(done, words, log, taken)
            if tried:
                _recommend(context, made, tried)
            return made
    raise AssertionError("the last attempt returns or raises")


def _next(context: Context, ladder: list[Rung], spent: list[Rung], found: Found | None) -> Rung | None:
    """The next rung that helps against the failure and can be had; None at the end of the ladder."""
    for rung in ladder:
        if found is not None and found.kind in rung["for"] and rung not in spent:
            spent.append(rung)
            if _prepared(context, rung):
                return rung
    return None


def _prepared(context: Context, rung: Rung) -> bool:
    """Whether what the rung needs is there: the simplified graph is made once per run, and proven as the pass is."""
    if "simplify" not in rung:
        return True
    target = context.path(rung["simplify"])
    request = {
        "do": "graph",
        "source": str(context.root / context.step.params["onnx"]),
        "target": str(target),
        "passes": [{"pass": "simplify"}],
        **{key: context.step.hints[key] for key in ("input", "image", "pixels")},
    }
    try:
        serve(context, request, log=target.with_suffix(".log"))
    except DsimportError as error:
        if error.diagnostics[0].code.startswith("H"):  # the disk's fault, not the model's
            raise
        context.say(f"no {rung['change'].removeprefix('a ')}: {error.diagnostics[0].message}")
        return False
    return True


def _with(argv: list[str], taken: list[Rung]) -> list[str]:
    """The command with the words of the rungs: in place of their like, else before the last word."""
    words = list(argv)
    for rung in taken:
        name = rung["argument"].partition("=")[0] + "="
        at = next((index for index, word in enumerate(words) if word.startswith(name)), None)
        if at is None:
            words.insert(len(words) - 1, rung["argument"])
        else:
            words[at] = rung["argument"]
    return words


def _say(context: Context, found: Found | None, rung: Rung, attempt: int) -> None:
    assert found is not None
    context.say(f"attempt {attempt} failed: {found.cause}; attempt {attempt + 1} with {rung['change']}")
    context.event("attempt", step=context.step.id, failed=found.kind, cause=found.cause, change=rung["setting"])


def _recommend(context: Context, made: Build, tried: list[str]) -> None:
    lines = [recipe_line(rung) for rung in made.taken]
    context.warn(
        Diagnostic(
            "T0416",
            f"{context.step.id} was built at attempt {len(tried) + 1}, with {_in_words(made.taken)}",
            severity=Severity.WARNING,
            notes=tuple(tried),
            help=("to make that permanent, in the recipe: " + ", ".join(lines),),
        )
    )


def recipe_line(rung: Rung) -> str:
    """`graph: {simplify: true}`"""
    section, _, key = rung["setting"].rpartition(".")
    return f"{section}: {{{key}: {rung['value']}}}"


def _in_words(taken: list[Rung]) -> str:
    return " and ".join(rung["change"] for rung in taken) or "as planned"


def _explained(context: Context, error: DsimportError, found: Found | None, tried: list[str]) -> DsimportError:
    first = error.diagnostics[0]
    attempts = tuple(tried) if len(tried) > 1 else ()
    if found is None:
        return DsimportError(replace(first, notes=(*attempts, *first.notes)), exit_code=error.exit_code)
    program = context.argv()[0]
    return DsimportError(
        Diagnostic(
            "T0415",
            f"{program} could not build the engine: {found.cause}",
            notes=(*attempts, *first.notes),
            help=(*found.fix, *first.help),
        ),
        exit_code=HOST_FAULT if found.kind == "not-saved" else error.exit_code,
    )


def _shown(context: Context, log: Path) -> str:
    return log.relative_to(context.root).as_posix()


def _text(log: Path) -> str:
    return log.read_text("utf-8", "replace") if log.is_file() else ""
