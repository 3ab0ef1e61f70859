"""What an engine was built from and for: the JSON file beside it.

An engine belongs to one TensorRT version and one kind of GPU, and nothing in the file itself says so to a person.
Nothing in the sidecar depends on the time or the folder, so the same build gives the same text.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

__all__ = ["SIDECAR_FORMAT", "Sidecar", "read_sidecar", "sidecar_text"]

SIDECAR_FORMAT = 1
MAX_BYTES = 1 << 20

Profile = dict[str, dict[str, list[int]]]


@dataclass(frozen=True)
class Sidecar:
    """One engine. None stands for what the host does not have (no GPU) or does not tell.

    engine: the file's name; sha256: of its content. builder: the program that built it. tensorrt: its version.
    gpu, compute_capability, driver: of the GPU it was built on, which is the only kind that it runs on.
    precision: as the recipe asks for it. profile: least, best and largest shape by input, batch first.
    onnx_sha256: of the model it was built from. changed: what the recovery changed, as lines of a recipe.
    """

    engine: str
    sha256: str
    builder: str
    tensorrt: str | None
    gpu: str | None
    compute_capability: str | None
    driver: str | None
    precision: str
    profile: Profile
    onnx_sha256: str
    changed: tuple[str, ...] = field(default=())


def sidecar_text(sidecar: Sidecar) -> str:
    """The file's content."""
    return json.dumps({"format": SIDECAR_FORMAT, **asdict(sidecar)}, indent=1, ensure_ascii=True) + "\n"


def read_sidecar(path: Path) -> Sidecar | None:
    """The sidecar in a file; None where there is none that this version can read."""
    try:
        with path.open("rb") as stream:
            found: Any = json.loads(stream.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.pop("format", None) != SIDECAR_FORMAT:
        return None
    if set(found) != {item.name for item in fields(Sidecar)} or not isinstance(found["changed"], list):
        return None
    return Sidecar(**{**found, "changed": tuple(found["changed"])})
