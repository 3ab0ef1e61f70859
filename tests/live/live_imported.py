"""Modules of packages, imported from their wheels for the models in them: nothing of the packages is installed.

What such a module imports and is not there, from plotting to data loading, gets a stand-in: no model needs it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any
from unittest import mock

__all__ = ["imported", "unpacked"]


_ROOTS: set[str] = set()  # topmost packages of what was imported so far


class StandIn(type):
    """What a missing module is made of: classes that may be derived from, called, decorated with and indexed."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(name, (), {})

    def __call__(cls, *args: Any, **_: Any) -> Any:
        return args[0] if len(args) == 1 and callable(args[0]) else cls

    def __getitem__(cls, _: Any) -> Any:
        return cls

    def __ge__(cls, _: Any) -> bool:
        return True  # the version of what is not there


class _Missing(ModuleType):
    __path__: Sequence[str] = ()
    __all__: Sequence[str] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(name, (), {})


class _StandIns(MetaPathFinder, Loader):
    """Comes last, so that it is asked for what nobody else has; answers what is below `place` and nobody else."""

    def __init__(self, place: Path, root: str) -> None:
        self.place, self.root = place, root
        self.names: list[str] = []

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] == self.root or not self._asked():
            return None  # what the package itself lacks is an error
        return ModuleSpec(fullname, self, is_package=True)

    def _asked(self) -> bool:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        return frame is not None and frame.f_code.co_filename.startswith(str(self.place))

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        self.names.append(spec.name)
        return _Missing(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""


def imported(place: Path, name: str, **attributes: str) -> ModuleType:
    """A module of the wheel, or of the folder, without the `__init__` of the packages it lies in.

    attributes: what the module asks of its topmost package all the same.
    """
    if name in sys.modules:
        return sys.modules[name]
    parts = name.split(".")
    _ROOTS.add(parts[0])
    for count in range(1, len(parts)):
        parent = ".".join(parts[:count])
        if parent not in sys.modules:
            bare = ModuleType(parent)
            bare.__path__ = [str(place.joinpath(*parts[:count]))]
            vars(bare).update(attributes)
            sys.modules[parent] = bare
    with _stand_ins(place, parts[0]):
        return importlib.import_module(name)


@contextmanager
def _stand_ins(place: Path, root: str) -> Iterator[None]:
    """While it lasts, every import succeeds; what stood in is gone afterwards, since others ask what is installed.

    Packages imported like this before are not there for it, so that the order makes no difference.
    """
    finder = _StandIns(place, root)
    hidden = {name: sys.modules[name] for name in list(sys.modules) if name.partition(".")[0] in _ROOTS - {root}}
    for name in hidden:
        del sys.modules[name]
    sys.meta_path.append(finder)
    try:
        with mock.patch.object(importlib.metadata, "version", _version):
            yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.names:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)


def _version(package: str, _asked: Callable[[str], str] = importlib.metadata.version) -> str:
    """Of what is not there, the oldest."""
    try:
        return _asked(package)
    except importlib.metadata.PackageNotFoundError:
        return "0"


def unpacked(archive: Path, folder: Path) -> Path:
    """The top folder of a wheel or a source distribution, as files."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
        return folder
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    [top] = folder.iterdir()
    return top
