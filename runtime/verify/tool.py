"""`python -m dsimport.runtime.verify.tool REQUEST`: a verification in a process of its own.

A parser library is native code made from a recipe, and a model file may be anybody's; whatever happens in here, the
caller lives. REQUEST is one JSON object. The last line of stdout is `RESULT ` and a JSON object: what was compared, or
`error`.
"""

from __future__ import annotations

import json
import sys

__all__ = ["RESULT", "main"]

RESULT = "RESULT "


def main(argv: list[str]) -> int:
    """Serve one request; 1 where the comparison cannot be made."""
    request = json.loads(argv[0])
    try:
        import av  # noqa: F401 - all that is needed is looked for before any work is done
        import cv2  # noqa: F401
        import onnxruntime  # noqa: F401

        from dsimport.runtime.verify.check import VerifyError, verify
    except ImportError as error:
        return _end({"error": f"{error.name} is not installed", "missing": error.name})
    try:
        result = verify(request)
    except VerifyError as error:
        return _end({"error": str(error)})
    document = result.document()
    for what in ("frames", "tensors"):
        for example in document[what]["examples"]:
            print(example)
    return _end(document)


def _end(document: dict[str, object]) -> int:
    print(RESULT + json.dumps(document))
    return 1 if "error" in document else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
