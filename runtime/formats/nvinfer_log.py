"""What nvinfer's log says about its engine."""

from __future__ import annotations

import re

from dsimport.compiler.escape import single_line

__all__ = ["BUILDING", "SAVED", "built_inside"]

# It says the first when it begins, and the second minutes later, when figures have been printed meanwhile.
BUILDING = r"Trying to create engine from model files"
SAVED = r"serialize cuda engine to file: (?P<file>.{1,400}?) successfully"
_BUILT = re.compile(rf"{BUILDING}|{SAVED}")


def built_inside(log: str) -> str | None:
    """The words by which nvinfer says that it built an engine of its own; None where it used the one it was given."""
    found = _BUILT.search(log)
    return None if found is None else single_line(found[0])
