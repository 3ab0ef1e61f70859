"""What nvinfer can take as a class label, for every place that labels come from."""

from __future__ import annotations

from collections.abc import Iterable

from dsimport.compiler.escape import single_line

__all__ = ["MAX_LABEL_BYTES", "label_problem", "labels_text"]

MAX_LABEL_BYTES = 127  # nvinfer copies a label into 128 bytes


def label_problem(label: str) -> str | None:
    """Why nvinfer would not show this label as written; None if it would."""
    if not label.strip():
        return "is empty: nvinfer skips the line, and all later labels shift up"
    if ";" in label:
        return "contains ';': nvinfer cuts the label there"
    if "\r" in label or "\n" in label:
        return "contains a line break (CR or LF): nvinfer keeps a CR as part of the label"
    if single_line(label) != label:
        return "contains a control character"
    if label != label.strip():
        return "has blanks at its ends: nvinfer keeps them"
    if len(label.encode("utf-8", "surrogatepass")) > MAX_LABEL_BYTES:
        return f"is longer than {MAX_LABEL_BYTES} bytes: nvinfer cuts it"
    return None


def labels_text(labels: Iterable[str]) -> str:
    """The content of a labels file: a line per class, in class order."""
    return "".join(f"{label}\n" for label in labels)
