"""Downloads that break: they continue where they were, end with the right bytes, and show nothing half-written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from acquire_support import objects, refused, take
from hub_server import Fault, HubServer, sha256
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsimport.runtime.acquire.progress import Meter
from dsimport.runtime.acquire.sources import Tools, Wanted
from dsimport.runtime.acquire.transfer import Asked, Policy, download

MEGABYTES = int(os.environ.get("DSIMPORT_TEST_DOWNLOAD_MB", "4"))
POINTS = 20
MakeTools = Callable[..., Tools]

CHILD = """
import sys
from pathlib import Path
from dsimport.runtime.acquire.sources import Tools, Wanted
from dsimport.runtime.acquire.store import Store
from dsimport.runtime.acquire.transfer import Policy
from dsimport.runtime.acquire.url import UrlSource
url, digest, cache = sys.argv[1:]
tools = Tools(Store(Path(cache)), Policy(), print, lambda text: None)
print(UrlSource(Wanted("url", url, sha256=digest), tools, locking=False).fetch("model.onnx").sha256)
"""


def test_killed_at_random_points_it_continues_and_nothing_half_written_is_seen(hub: HubServer, tmp_path: Path) -> None:
    data = random.Random(7).randbytes(MEGABYTES << 20)
    hub.files["model.onnx"] = data
    points = sorted(random.Random(8).sample(range(20_000, len(data) - 20_000), POINTS))
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", CHILD, f"{hub.url}/files/model.onnx", sha256(data), str(cache)]
    have = 0
    for point in points:
        if point - have < 10_000:
            continue
        hub.faults = [Fault("/files/", drop_at=point - have, hold=True)]
        child = subprocess.Popen(command)
        have = _wait_for_size(cache, point)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert objects(cache) == []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sha256(data)
    assert [path.read_bytes() == data for path in objects(cache)] == [True]
    starts = [int(headers["Range"].removeprefix("bytes=").removesuffix("-")) for headers in hub.gets("/files/")[1:]]
    assert starts == sorted(starts)
    assert starts[-1] >= points[-1] - 10_000


def test_disconnected_at_random_points_it_continues_where_it_was(
    hub: HubServer, tools: MakeTools, tmp_path: Path
) -> None:
    """A large file of the hub, which redirects to another host; nothing is asked for twice."""
    data = random.Random(7).randbytes(MEGABYTES << 20)
    hub.repository("acme/large", {"model.onnx": data})
    points = sorted(random.Random(9).sample(range(20_000, len(data) - 20_000), POINTS))
    hub.faults = [Fault("/cdn/", drop_at=end - start) for start, end in zip([0, *points], points, strict=False)]
    found = take(Wanted("huggingface", "acme/large", "main"), tools(tries=POINTS + 2, sleep=lambda seconds: None))
    assert found.onnx.sha256 == sha256(data)
    assert [path.read_bytes() == data for path in objects(tmp_path / "cache")] == [True]
    starts = [int(headers["Range"].removeprefix("bytes=").removesuffix("-")) for headers in hub.gets("/cdn/")[1:]]
    assert starts == points


def _wait_for_size(cache: Path, wanted: int) -> int:
    """Until the partial file has that many bytes, less what a writer may hold back."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        sizes = [path.stat().st_size for path in (cache / "partial").glob("*.part")]
        if sizes and sizes[0] >= wanted - 8192:
            return sizes[0]
        time.sleep(0.002)
    raise AssertionError(f"the download did not reach {wanted} bytes")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(0, 300_000),
    cuts=st.lists(st.integers(0, 300_000), max_size=6),
    known=st.booleans(),
    ranges=st.booleans(),
)
def test_any_dropped_connections_give_the_same_bytes(
    hub: HubServer, tmp_path: Path, size: int, cuts: list[int], known: bool, ranges: bool
) -> None:
    data = random.Random(size).randbytes(size)
    hub.files["f"] = data
    hub.ranges = ranges
    hub.faults = [Fault("/files/f", drop_at=cut) for cut in cuts]
    part = tmp_path / "p.part"
    asked = Asked(f"{hub.url}/files/f", "f", size=size if known else None, validated=known)
    download(asked, part, Policy(timeout_s=5, tries=10, sleep=lambda seconds: None), lambda text: None)
    assert part.read_bytes() == data
    part.unlink()
    part.with_suffix(".etag").unlink(missing_ok=True)


def test_a_file_that_changed_between_two_attempts_is_fetched_anew(hub: HubServer, tmp_path: Path) -> None:
    old, new = bytes(50_000), bytes([1]) * 60_000
    hub.files["f"] = old
    hub.faults = [Fault("/files/f", drop_at=30_000)]
    part, asked = tmp_path / "p.part", Asked(f"{hub.url}/files/f", "f")

    def change(seconds: float) -> None:
        hub.files["f"] = new

    download(asked, part, Policy(sleep=change), lambda text: None)
    assert part.read_bytes() == new


def test_waits_grow_up_to_a_bound_and_the_server_may_ask_for_its_own(hub: HubServer, tools: MakeTools) -> None:
    hub.files["model.onnx"] = b"x" * 2000
    wanted = Wanted("url", f"{hub.url}/files/model.onnx", sha256=sha256(hub.files["model.onnx"]))
    waits: list[float] = []
    hub.faults = [Fault("/files/", status=503, times=3), Fault("/files/", status=429, headers={"Retry-After": "7"})]
    assert take(wanted, tools(sleep=waits.append, tries=9)).onnx.size == 2000
    assert waits == [1, 2, 4, 7]


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (Fault("/files/", status=403, times=9), "A0232", "no token was sent"),
        (Fault("/files/", status=404, times=9), "A0231", ""),
        (Fault("/files/", status=429, times=9), "A0234", ""),
        (Fault("/files/", status=429, headers={"Retry-After": "3600"}), "A0234", ""),
        (Fault("/files/", status=500, times=9), "A0235", ""),
        (Fault("/files/", status=418, times=9), "A0239", ""),
        (Fault("/files/", drop_at=0, times=9), "A0236", ""),
        (Fault("/files/", stall_s=3, times=9), "A0236", ""),
    ],
)
def test_every_failure_has_its_own_diagnostic(
    hub: HubServer, tools: MakeTools, fault: Fault, code: str, words: str
) -> None:
    hub.files["model.onnx"] = b"x" * 2000
    hub.faults = [fault]
    wanted = Wanted("url", f"{hub.url}/files/model.onnx", sha256="0" * 64)
    found = refused(wanted, tools(tries=2, timeout_s=0.3))
    assert found.code == code
    assert words in " ".join(found.notes)
    assert "/files/model.onnx" in found.message


def test_content_with_another_digest_is_thrown_away(hub: HubServer, tools: MakeTools, tmp_path: Path) -> None:
    hub.files["model.onnx"] = b"x" * 2000
    found = refused(Wanted("url", f"{hub.url}/files/model.onnx", sha256="0" * 64), tools())
    assert (found.code, objects(tmp_path / "cache")) == ("A0238", [])
    assert list((tmp_path / "cache/partial").glob("*.part")) == []


def test_an_endless_answer_ends_at_the_limit(hub: HubServer, tmp_path: Path) -> None:
    hub.files["f"] = bytes(100_000)
    with pytest.raises(Exception, match="A0248"):
        download(Asked(f"{hub.url}/files/f", "f", limit=50_000), tmp_path / "p", Policy(), lambda text: None)


def test_a_redirect_out_of_the_web_is_not_followed(hub: HubServer, tools: MakeTools) -> None:
    hub.faults = [Fault("/files/", status=302, headers={"Location": "file:///etc/passwd"}, times=9)]
    found = refused(Wanted("url", f"{hub.url}/files/model.onnx", sha256="0" * 64), tools())
    assert found.code in ("A0236", "A0239")
    assert "root:" not in str(found)


def test_progress_tells_amount_rate_and_time_left() -> None:
    now, lines = [0.0], []
    meter = Meter(lines.append, "model.onnx", 100_000_000, clock=lambda: now[0])
    for second in range(4):
        now[0] = float(second)
        meter.at(second * 10_000_000)
    assert lines[0] == "model.onnx 0 B of 100.0 MB"
    assert lines[-1] == "model.onnx 30.0 MB of 100.0 MB, 10.0 MB/s, 7.0s left"
