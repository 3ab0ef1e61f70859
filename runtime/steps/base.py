"""What a step's code is given, and what it gives back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias, cast

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import shell_word, single_line
from dsimport.compiler.plan import Plan, Step, Text, Value
from dsimport.runtime.process import Finished, run_program
from dsimport.runtime.progress import Progress
from dsimport.runtime.toolversions import find_program, missing_program
from dsimport.runtime.values import filled

__all__ = ["TOOL_FAILED", "Context", "Finished", "Handler", "Outcome", "ending", "handler_for", "outside_home"]

TOOL_FAILED = 4
TAIL_SHOWN = 12


@dataclass(frozen=True)
class Outcome:
    """What a step gives: values for later steps (every name of `step.gives`), and its result on one line."""

    values: dict[str, Value] = field(default_factory=dict)
    summary: str = ""


@dataclass
class Context:
    """The surroundings of one running step. All paths handed out are below `root`.

    values: everything known, of all earlier steps. event: writes to the run's log.
    """

    root: Path
    plan: Plan
    step: Step
    values: Mapping[str, Value]
    progress: Progress
    event: Callable[..., None]
    warnings: list[Diagnostic] = field(default_factory=list)

    def path(self, text: Text) -> Path:
        """A path of the plan with its values filled in. Whatever is not an input of the step must lie in the model's
        folder, also when links are followed; DsimportError (P0601) otherwise."""
        name = filled(text, self.values)
        place = self.root / name
        if name not in (filled(item, self.values) for item in self.step.inputs):
            error = outside_home(self.root, self.plan.home, name)
            if error is not None:
                raise error
        return place

    def argv(self) -> list[str]:
        """The step's command with its values filled in."""
        return [filled(word, self.values) for word in self.step.argv or ()]

    @property
    def log_path(self) -> Path:
        """The step's log file; `.dsimport/<step>.log` where the plan names none."""
        return self.path(self.step.log or f"{self.plan.home}/.dsimport/{self.step.id}.log")

    def run(
        self,
        argv: Sequence[str] | None = None,
        *,
        log: Path | None = None,
        append: bool = False,
        timeout_s: float | None = None,
        env: Mapping[str, str | None] | None = None,
        on_line: Callable[[str], None] | None = None,
        ok: Sequence[int] = (0,),
    ) -> Finished:
        """Run the step's command (or another one) in the root and wait for it.

        Output goes to `log` (the step's log) and to the progress line. DsimportError: T0601 program missing (exit
        code 1), T0602 exit code not in `ok`, T0603 over time (both exit code 4), with the end of the log.
        """
        words = list(argv) if argv is not None else self.argv()
        program = find_program(words[0]) if "/" not in words[0] else os.path.abspath(self.root / words[0])  # noqa: PTH100
        if program is None:
            raise missing_program(words[0], f"step {self.step.id}")
        limit = self.step.timeout_s if timeout_s is None else timeout_s
        target = log or self.log_path

        def hear(line: str) -> None:
            self.progress.tool_line(line)
            if on_line is not None:
                on_line(line)

        self.event("command", step=self.step.id, argv=words, log=str(target))
        done = run_program(
            [program, *words[1:]],
            cwd=self.root,
            log=target,
            append=append,
            timeout_s=limit,
            env=env,
            on_line=hear,
        )
        self.event("command-end", step=self.step.id, exit_code=done.exit_code, seconds=round(done.seconds, 3))
        if done.timed_out:
            raise self._failure(words, done, target, "T0603", f"did not end within {limit:g} s and was stopped")
        if done.exit_code not in ok:
            raise self._failure(words, done, target, "T0602", ending(done.exit_code))
        return done

    def say(self, text: str) -> None:
        """A line for the user, and for the run's log."""
        self.progress.say(text)
        self.event("note", step=self.step.id, text=text)

    def warn(self, diagnostic: Diagnostic) -> None:
        """A warning: shown now, and again at the end of the command."""
        self.warnings.append(diagnostic)
        self.progress.warn(diagnostic)
        self.event("warning", step=self.step.id, code=diagnostic.code, message=diagnostic.message)

    def _failure(self, words: list[str], done: Finished, log: Path, code: str, what: str) -> DsimportError:
        shown = self._relative(log)
        command = " ".join(shell_word(word.replace("\0", "")) for word in words)
        tail = tuple(single_line(line)[:300] for line in done.tail[-TAIL_SHOWN:])
        return DsimportError(
            Diagnostic(
                code,
                f"{single_line(Path(words[0]).name)} {what}",
                notes=(f"command: {single_line(command)}", f"log: {single_line(shown)}", *tail),
                help=(_HELP[code].format(log=single_line(shown)),),
            ),
            exit_code=TOOL_FAILED,
        )

    def _relative(self, path: Path) -> str:
        try:
            return str(path.relative_to(self.root))
        except ValueError:
            return str(path)


_HELP = {
    "T0602": "read {log}; the command above, run in the root folder, repeats it by hand",
    "T0603": "read {log} for where it stood still; the step runs again with the next apply",
}

Handler: TypeAlias = Callable[[Context], Outcome]


def handler_for(kind: str, table: Mapping[str, str | Handler] | None = None) -> Handler:
    """The code of a step kind, from `table` (default: `dsimport.runtime.steps.HANDLERS`), imported when asked for.

    Entries are functions or `module:function`.
    """
    if table is None:
        table = cast("Mapping[str, str | Handler]", import_module("dsimport.runtime.steps").HANDLERS)
    entry: Any = table.get(kind)
    if entry is None:
        raise DsimportError(
            Diagnostic(
                "P0602",
                f"this dsimport cannot run steps of kind '{single_line(kind)}'",
                help=("make the plan again with this dsimport",),
            )
        )
    if isinstance(entry, str):
        module, _, name = entry.partition(":")
        entry = getattr(import_module(module), name)
    return cast(Handler, entry)


def outside_home(root: Path, home: str, name: str) -> DsimportError | None:
    """P0601 if a path of a plan does not lie in the model's folder, as written or when links are followed."""
    inside = name.startswith(f"{home}/") and ".." not in name.split("/") and "\0" not in name
    if inside:
        try:
            inside = (root / name).resolve().is_relative_to((root / home).resolve())
        except (OSError, RuntimeError):  # a loop of links
            inside = False
    if inside:
        return None
    return DsimportError(
        Diagnostic(
            "P0601",
            f"{single_line(name)} leads out of {single_line(home)}",
            help=("dsimport writes in the model's own folder only: remove the link, or make the plan again",),
        )
    )


def ending(exit_code: int) -> str:
    """How a program ended, in words."""
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    if exit_code == -9:
        return "was killed (signal 9); where memory ran out, the kernel does that"
    return f"was ended by signal {-exit_code}"
