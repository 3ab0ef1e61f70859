"""The NGC catalog: its API on loopback, and archives nobody vouches for."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from acquire_support import config, model, objects, refused, take
from hub_server import Fault, HubServer, zipped

from dsimport.compiler.lock import LockedFile
from dsimport.compiler.recognise.labels import labels_of_config
from dsimport.runtime.acquire.gather import Gathered, Pins, labels_of
from dsimport.runtime.acquire.sources import Tools, Wanted

MakeTools = Callable[..., Tools]
CARS = Wanted("ngc", "nvidia/tao/cars", "deployable_v1.0")
FILES = {"cars.onnx": model(), "labels.txt": b"car\nroad sign\n", "notes.md": b"x", "cars.etlt": b"secret"}


def pins_of(got: Gathered) -> Pins:
    files = tuple(LockedFile(path=item.path, size=item.size, sha256=item.sha256) for item in got.files())
    return Pins(got.commit, got.onnx.path, files)


@pytest.mark.parametrize("folder", ["", "cars_vdeployable_v1.0/"])
def test_onnx_and_labels_are_taken_out_and_nothing_else(
    hub: HubServer, tools: MakeTools, tmp_path: Path, folder: str
) -> None:
    hub.ngc("nvidia/tao/cars", "deployable_v1.0", {folder + name: data for name, data in FILES.items()})
    got = take(CARS, tools())
    assert [(item.path, item.local.read_bytes()) for item in got.files()] == [
        ("cars.onnx", FILES["cars.onnx"]),
        ("labels.txt", FILES["labels.txt"]),
    ]
    assert labels_of(got, 2, labels_of_config) == ["car", "road sign"]
    assert len(objects(tmp_path / "cache")) == 2
    assert list((tmp_path / "cache/partial").glob("*.part")) == []


def test_config_json_wins_over_labels_txt(hub: HubServer, tools: MakeTools) -> None:
    hub.ngc("nvidia/tao/cars", "deployable_v1.0", {**FILES, "config.json": config()})
    assert labels_of(take(CARS, tools()), 2, labels_of_config) == ["square", "circle"]


def test_pinned_files_are_fetched_again_only_where_they_are_missing(hub: HubServer, tools: MakeTools) -> None:
    hub.ngc("nvidia/tao/cars", "deployable_v1.0", FILES)
    got = take(CARS, tools())
    hub.requests.clear()
    assert take(CARS, tools(), pins_of(got)).onnx == got.onnx
    assert hub.requests == []
    got.onnx.local.unlink()
    assert take(CARS, tools(), pins_of(got)).onnx == got.onnx
    hub.ngc("nvidia/tao/cars", "deployable_v1.0", {**FILES, "cars.onnx": model(900)})
    got.onnx.local.unlink()
    assert refused(CARS, tools(), pins_of(got)).code == "A0238"


def test_an_interrupted_archive_is_continued(hub: HubServer, tools: MakeTools) -> None:
    hub.ngc("nvidia/tao/cars", "deployable_v1.0", FILES)
    hub.faults = [Fault("/cdn/", drop_at=700), Fault("/cdn/", drop_at=300)]
    assert take(CARS, tools()).onnx.local.read_bytes() == FILES["cars.onnx"]
    assert [headers.get("Range") for headers in hub.gets("/cdn/")] == [None, "bytes=700-", "bytes=1000-"]


def evil(name: str, mode: int = stat.S_IFREG | 0o644, flags: int = 0, data: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cars.onnx", model())
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, data, zipfile.ZIP_DEFLATED)
        info.flag_bits |= flags
    return out.getvalue()


@pytest.mark.parametrize(
    ("archive", "code"),
    [
        (evil("../../evil.onnx"), "A0244"),
        (evil("/etc/cron.d/evil"), "A0244"),
        (evil("a/../../b"), "A0244"),
        (evil("a\\..\\b"), "A0244"),
        (evil("bell\x07.txt"), "A0244"),
        (evil("link.onnx", stat.S_IFLNK | 0o777, data=b"/etc/passwd"), "A0244"),
        (evil("zeros.bin", data=bytes(80 << 20)), "A0248"),
        (evil("locked.txt", flags=1), "A0244"),
        (b"not a zip file at all", "A0244"),
        (zipped(FILES)[:-40], "A0244"),
        (zipped({"cars.etlt": b"x"}), "A0245"),
        (zipped({"cars.engine": b"x"}), "A0245"),
        (zipped({"readme.txt": b"x"}), "A0241"),
        (zipped({}), "A0241"),
    ],
)
def test_archives_that_are_no_model_are_refused_and_nothing_stays(
    hub: HubServer, tools: MakeTools, tmp_path: Path, archive: bytes, code: str
) -> None:
    hub.ngc("nvidia/tao/cars", "deployable_v1.0", archive)
    assert refused(CARS, tools()).code == code
    assert objects(tmp_path / "cache") == []
    assert list((tmp_path / "cache/partial").glob("*.part")) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache"]


def test_an_archive_with_a_damaged_member_is_refused(hub: HubServer, tools: MakeTools, tmp_path: Path) -> None:
    data = bytearray(zipped({"cars.onnx": model()}))
    data[200] ^= 0xFF
    hub.ngc("nvidia/tao/cars", "deployable_v1.0", bytes(data))
    assert refused(CARS, tools()).code == "A0244"
    assert objects(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (None, "A0231"),
        (Fault("/versions/", status=401, times=9), "A0232"),
        (Fault("/versions/", status=429, times=9), "A0234"),
        (Fault("/versions/", status=500, times=9), "A0235"),
        (Fault("/versions/", drop_at=0, times=9), "A0236"),
        (Fault("/versions/", status=200, body=b"<html>log in</html>", times=9), "A0239"),
        (Fault("/versions/", status=200, body=b'{"modelVersion": {"status": "UPLOAD_PENDING"}}'), "A0231"),
    ],
)
def test_failures_of_the_catalog_have_their_own_diagnostics(
    hub: HubServer, tools: MakeTools, fault: Fault | None, code: str
) -> None:
    if fault is not None:
        hub.ngc("nvidia/tao/cars", "deployable_v1.0", FILES)
        hub.faults = [fault]
    found = refused(CARS, tools(tries=2))
    assert (found.code, "nvidia/tao/cars:deployable_v1.0" in found.message) == (code, True)


def test_the_api_key_stays_with_the_catalog(hub: HubServer, tools: MakeTools, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.ngc("nvidia/tao/cars", "deployable_v1.0", FILES)
    monkeypatch.setenv("NGC_API_KEY", "nvapi-0123456789")
    take(CARS, tools())
    keys = {path.split("/")[1]: headers.get("Authorization") for _, path, headers in hub.requests}
    assert keys == {"v2": "Bearer nvapi-0123456789", "cdn": None}
