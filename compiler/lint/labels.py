"""Findings in the file that labelfile-path names."""

from __future__ import annotations

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.labelrules import label_problem

__all__ = ["lint_labels"]

_MOST = 20  # findings of one file: a file of another kind has one per line


def lint_labels(file: str, text: str, classes: int, at: Span, report: Report) -> None:
    """Labels of a detector as nvinfer reads them. at: the value of labelfile-path. Every finding is a warning: nvinfer
    takes any file."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if classes > 1 and len(lines) == 1 and lines[0].count(";") >= classes - 1:
        report.warning(
            "C0230",
            f"one line with {classes} labels: for a detector only the first of them is read",
            Span(file, 1, 1, max(1, len(lines[0]))),
            help="write one label per line",
        )
        return
    found = 0
    for number, line in enumerate(lines, 1):
        problem = label_problem(line)
        if problem is None or found == _MOST:
            continue
        found += 1
        report.warning(
            "C0230",
            f"the label on line {number} {problem}",
            Span(file, number, 1, max(1, len(line.rstrip("\r")))),
            help="save the file with Unix line ends (LF)" if line.endswith("\r") else "correct this line",
        )
        if line.endswith("\r"):
            break  # one finding for a whole CRLF file
    read = sum(1 for line in lines if line)
    if classes > 0 and read != classes:
        which = "classes without one show no label" if read < classes else "the last ones are never shown"
        report.warning(
            "C0230",
            f"{read} labels for {classes} classes: {which}",
            at,
            help="one label per line, one line per class",
        )
