"""`python -m dsimport.runtime.look.tool REQUEST`: an ONNX file examined in a process of its own.

The file is anybody's, and what reads and runs it is native code; whatever happens in here, the caller lives. REQUEST is
one JSON object; the answer is the JSON file that its `target` names, because it may be longer than a line.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

from dsimport.runtime.look.probe import Unusable, examine
from dsimport.runtime.onnx_file import GraphError

__all__ = ["main"]

_WANTED = "name an .onnx file, or export the model to ONNX again"
_SMALLER = "a smaller input size may do: --input-size HEIGHTxWIDTH"


def main(argv: list[str]) -> int:
    """Serve one request; 1 for a model that cannot be used."""
    request = json.loads(argv[0])
    resource.setrlimit(resource.RLIMIT_AS, (request["memory"], request["memory"]))
    try:
        answer: dict[str, Any] = {"facts": examine(request).model_dump(mode="json")}
    except Unusable as error:
        answer = {"error": str(error), "code": error.code, "help": error.advice}
    except GraphError as error:
        answer = {"error": f"the model cannot be used: {error}", "code": "A0301", "help": (_WANTED,)}
    except MemoryError:
        answer = {"error": "the model needs more memory than it may have", "code": "N0509", "help": (_SMALLER,)}
    Path(request["target"]).write_text(json.dumps(answer), "utf-8")
    return 1 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
