"""The time of every layer: the measuring loop once more, with ONNX Runtime's profiler switched on."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsimport.runtime.formats.trtexec import LayerTime
from dsimport.runtime.reference.session import SessionError, open_session
from dsimport.runtime.reference.trtexec_bench import measure
from dsimport.runtime.reference.trtexec_engine import Engine, Failure
from dsimport.runtime.reference.trtexec_options import Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["layer_times", "profile"]

_KERNEL = "_kernel_time"


def profile(engine: Engine, inputs: Mapping[str, NDArray[Any]], options: Options) -> tuple[int, list[LayerTime]]:
    """Queries run, warm-up included, and the layers in the order they ran. Raises Failure."""
    with tempfile.TemporaryDirectory(prefix="ref-trtexec-") as folder:
        try:
            session = open_session(engine.onnx, profile=str(Path(folder) / "profile"))
        except SessionError as error:
            raise Failure(f"ONNX Runtime: {error}") from None
        queries = measure(session, inputs, options)
        try:
            events = json.loads(Path(session.end_profile()).read_text("utf-8", "replace"))
        except (OSError, ValueError) as error:
            raise Failure(f"ONNX Runtime wrote no profile: {error}") from None
    return len(queries), layer_times(events)


def layer_times(events: list[dict[str, Any]]) -> list[LayerTime]:
    """Node times of a trace, in milliseconds; its durations are microseconds."""
    times: dict[tuple[str, str], list[float]] = {}
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith(_KERNEL):
            index = str(event.get("args", {}).get("node_index", ""))  # nodes may share a name
            times.setdefault((name.removesuffix(_KERNEL), index), []).append(event["dur"] / 1000)
    return [LayerTime(name, tuple(values)) for (name, _), values in times.items()]
