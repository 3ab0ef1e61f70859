"""`python -m dsimport.runtime.trt.check REQUEST`: what NVIDIA's parser and builder say about a model, without a GPU.

The libraries are native code and the model may be anybody's; whatever happens in here, the caller lives. REQUEST is one
JSON object: `onnx` (path) and `profile` (shapes by input: min, opt, max). The last line of stdout is `RESULT ` and a
JSON object: `library`, `refused` (nodes), `built` (bytes of the engine), `reasons` and `fix` where it was not built; or
`error`, with `missing` where TensorRT-RTX is not installed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from dsimport.runtime.formats.trtexec_failures import known_failure
from dsimport.runtime.reference.trtexec_options import ShapeRange
from dsimport.runtime.trt.library import Library, LibraryMissing, load_rtx
from dsimport.runtime.trt.network import BuildError, Network, ParseError, Settings, build, parse
from dsimport.runtime.trtexec_console import say

__all__ = ["RESULT", "main", "opinion"]

RESULT = "RESULT "
Profile = dict[str, dict[str, list[int]]]


def main(argv: list[str]) -> int:
    """Serve one request; 1 where there is no opinion."""
    request = json.loads(argv[0])
    try:
        result = opinion(load_rtx(), Path(request["onnx"]), request["profile"])
    except LibraryMissing as error:
        result = {"error": str(error), "missing": True}
    except Exception as error:  # what the library raises is of no known type
        result = {"error": f"{type(error).__name__}: {error}"}
    print(RESULT + json.dumps(result), flush=True)
    return 1 if "error" in result else 0


def opinion(library: Library, onnx: Path, profile: Profile) -> dict[str, Any]:
    """Parse and, if that goes well, build for the shapes."""
    heard: list[str] = []

    def hear(severity: Any, text: str) -> None:
        if severity != "V":
            say(severity, text)
            heard.append(f"[{severity}] {text}")

    said: dict[str, Any] = {"library": f"{library.label} {library.version}", "refused": [], "built": 0, "reasons": []}
    parsed, errors = parse(library, onnx, hear, strongly_typed=True)
    if errors:
        return said | {"refused": [_plain(error) for error in errors]}
    try:
        plan, _ = build(parsed, Settings(profile=_ranges(parsed, profile)), hear)
    except BuildError as error:
        found = known_failure("\n".join(heard))
        errors_heard = [line.removeprefix("[E] ") for line in heard if line.startswith("[E] ")]
        causes = [found.cause] if found else []
        return said | {"reasons": [*causes, *errors_heard, *error.reasons], "fix": list(found.fix) if found else []}
    return said | {"built": len(plan)}


def _ranges(parsed: Network, profile: Profile) -> dict[str, ShapeRange]:
    """The shapes for the inputs that the model has and that are dynamic; the profile is that of the deployed graph."""
    found = {}
    for name, shapes in profile.items():
        dims = parsed.inputs.get(name, ())
        if -1 in dims and len(dims) == len(shapes["opt"]):
            found[name] = ShapeRange(*(tuple(shapes[key]) for key in ("min", "opt", "max")))
    return found


def _plain(error: ParseError) -> dict[str, str]:
    return {"node": error.node, "operator": error.operator, "code": error.code, "text": error.text}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
