"""The commands of a run as they can be pasted: what was run, with absolute paths."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from dsimport.compiler.escape import shell_word, single_line
from dsimport.compiler.plan import Plan
from dsimport.compiler.record import StepRecord
from dsimport.runtime.report.schema import Command
from dsimport.runtime.toolversions import find_program

__all__ = ["command_line", "commands_that_ran"]


def commands_that_ran(
    plan: Plan, current: Mapping[str, StepRecord], logged: Mapping[str, Sequence[str]], root: Path
) -> list[Command]:
    """Commands of the steps whose results hold, in order: as logged, since an engine may have been built in another way
    than planned; without a log as planned. Paths below `root` and programs become absolute; a program
    that is not on this machine keeps its name."""
    place = Path(os.path.abspath(root))  # noqa: PTH100 - links on the way to the root stay as they were named
    commands = []
    for step in plan.steps:
        record = current.get(step.id)
        words = [] if record is None else _words(record.facts.get("argv"))
        if record is not None and words:
            words = list(logged.get(step.id, words))
            tools, known = {words[0], *step.tools}, _paths(record)
            argv = [_absolute(word, tools, known, f"{plan.home}/", place) for word in words]
            commands.append(Command(step=step.id, argv=argv))
    return commands


def command_line(command: Command) -> str:
    """The command for a shell, on one line."""
    return single_line(" ".join(shell_word(word.replace("\0", "")) for word in command.argv))


def _words(text: str | None) -> list[str]:
    words = json.loads(text) if text else []
    return [str(word) for word in words]


def _paths(record: StepRecord) -> set[str]:
    """Root-relative paths that the step is known to use."""
    named = {label.partition(" ")[2] for label in record.facts if label.startswith(("file ", "input "))}
    return {*named, *record.outputs, *record.leaves}


def _absolute(word: str, tools: set[str], paths: set[str], home: str, root: Path) -> str:
    if word in tools:
        return find_program(word) or word
    option, equals, value = word.partition("=")
    if not (option.startswith("--") and equals):
        option, equals, value = "", "", word
    inside = value in paths or value.startswith(home)
    return option + equals + str(root / value) if inside and not value.startswith("/") else word
