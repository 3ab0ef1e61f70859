"""Names of a model's parser: function, source file, library."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["ParserNames", "parser_names"]


@dataclass(frozen=True)
class ParserNames:
    """function: the symbol nvinfer looks up (`parse-bbox-func-name`). source, library: file names without folder."""

    function: str
    source: str
    library: str


def parser_names(name: str) -> ParserNames:
    """Names for the model `name`. Two models may share them (`a.b`, `a-b`); their folders differ."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    if not words:
        raise ValueError(f"{name!r} has no letter or digit")
    pascal = "".join(word[0].upper() + word[1:] for word in words)
    safe = "_".join(words)
    return ParserNames(
        function=f"NvDsInferParseCustom{pascal}",
        source=f"nvdsinfer_custombboxparser_{safe}.cpp",
        library=f"libnvdsinfer_{safe}_parser.so",
    )
