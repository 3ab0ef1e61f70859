"""Key files on disk, for the readers of nvinfer's and deepstream-app's configurations."""

from __future__ import annotations

from pathlib import Path

from dsimport.compiler import keyfile
from dsimport.compiler.keyfile import KeyFileError

__all__ = ["KeyFile", "KeyFileError", "read_text"]

_MAX_BYTES = 16 << 20


def read_text(path: Path) -> str:
    """The text of a key file; bytes that are not UTF-8 become surrogates. Raises KeyFileError."""
    try:
        if not path.is_file():
            raise KeyFileError("Not a regular file" if path.exists() else "No such file or directory")
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: NUL byte in the path
        raise KeyFileError(getattr(error, "strerror", None) or str(error)) from None
    if len(data) > _MAX_BYTES:
        raise KeyFileError(f"File is larger than {_MAX_BYTES >> 20} MiB")
    if b"\0" in data:
        raise KeyFileError("File contains a NUL byte")
    return data.decode("utf-8", "surrogateescape")


class KeyFile(keyfile.KeyFile):
    """A key file that can be read from a path."""

    @classmethod
    def load(cls, path: Path) -> KeyFile:
        """Read a file. Raises KeyFileError, also where the file cannot be read."""
        return cls(read_text(path))
