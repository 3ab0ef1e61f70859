"""Class labels: what nvinfer can take, from the recipe's list or a labels file."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable
from typing import Any

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.labelrules import label_problem
from dsimport.compiler.load import LoadedRecipe
from dsimport.compiler.plan import InputFile
from dsimport.compiler.yamltext import MAX_BYTES

__all__ = ["parse_labels", "read_labels"]


def parse_labels(text: str, file: str, report: Report) -> tuple[str, ...]:
    """The labels of a file, one line each; anything nvinfer would misread is an error at its line."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, 1):
        problem = label_problem(line)
        if problem is not None:
            fix = "save the file with Unix line ends (LF)" if line.endswith("\r") else "correct this line"
            length = max(len(line.rstrip("\r")), 1)
            report.error("N0321", f"label {number - 1} {problem}", Span(file, number, 1, length), help=fix)
            if line.endswith("\r"):
                break  # one message for a whole CRLF file
    return tuple(lines)


def read_labels(
    values: dict[str, Any], loaded: LoadedRecipe, read: Callable[[str], bytes], report: Report
) -> InputFile | None:
    """Replace `model.labels` by the labels themselves where they are known now; the labels file read, if any.

    `config` stays: the labels are then taken from the model's config.json by the step `acquire`.
    """
    key = "model.labels"
    written, span = values[key], loaded.spans.value(key)
    if written == "config":
        return None
    used: InputFile | None = None
    if isinstance(written, str):
        path = loaded.path_of(key, written)
        try:
            data = read(path)
            if len(data) > MAX_BYTES:
                raise OSError(errno.EFBIG, f"more than {MAX_BYTES} bytes")
            text = data.decode("utf-8")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            report.error(
                "N0322",
                f"cannot read labels file '{single_line(path)}': {reason}",
                span,
                help="paths are relative to the recipe; write the labels as a list to have them in the recipe",
            )
            return None
        except UnicodeDecodeError as error:
            report.error("N0322", f"labels file is not UTF-8 (byte {error.start})", span, help="save the file as UTF-8")
            return None
        used = InputFile(path=path, sha256=hashlib.sha256(data).hexdigest())
        written = parse_labels(text, path, report)
    values[key] = tuple(written)
    classes = values["model.classes"]
    if len(values[key]) != classes:
        report.error(
            "N0323",
            f"{len(values[key])} labels for {classes} classes",
            span,
            help="give one label per class, in class order; nvinfer itself would not notice",
        )
    return used
