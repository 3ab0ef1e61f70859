"""Starts the worker package by its path: `python -I boot.py REQUEST`. Nothing else of this folder is imported."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path

NAME = "dsimport_export_worker"


def main() -> int:
    """Put the request's overlays in front, import the package beside this file under a name of its own, and serve."""
    sys.path[:0] = json.loads(sys.argv[1])["overlays"]
    place = Path(__file__).resolve().parent / "worker"
    spec = importlib.util.spec_from_file_location(NAME, place / "__init__.py", submodule_search_locations=[str(place)])
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)
    code: int = importlib.import_module(f"{NAME}.main").main(sys.argv[1])
    return code


if __name__ == "__main__":
    sys.exit(main())
