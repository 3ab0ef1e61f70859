"""The deepstream-app configuration file, as deepstream-app reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsimport.compiler.deepstream_keys import GROUPS, MAX_SOURCES, REFUSED_GROUPS, SINK_TYPES, SOURCE_TYPES
from dsimport.compiler.nvinfer_keys import Key, Kind, Use

from .console import Console, RunFailed
from .keyfile import KeyFile, KeyFileError
from .paths import app_path

__all__ = ["AppConfig", "Inference", "Overlay", "Sink", "Source", "read_app_config"]

_URI, _MULTI_URI = 2, 3
_FAKE, _ENCODE_FILE = 1, 3
_FILE = "file://"
_MAX_SIDE = 16384  # of the muxed frame, in pixels: beyond it only memory is lost
_GIE_COLOR = re.compile(r"bbox-(border|bg)-color\d*")
_PARSERS = {"source": "parse_source", "sink": "parse_sink", "primary-gie": "parse_gie", "application": "parse_app"}


@dataclass(frozen=True)
class Source:
    """One stream. path: the file, absolute. keep_every: 1 for all frames, n for every n-th."""

    path: str
    keep_every: int = 1


@dataclass(frozen=True)
class Sink:
    """One output. output_file is None for a fake sink; source is the index of the stream it shows."""

    source: int
    sync: bool
    output_file: str | None = None
    container: str = "mp4"
    bitrate: int = 0


@dataclass(frozen=True)
class Inference:
    """[primary-gie]. None: not given, so that the nvinfer file decides."""

    config_file: str
    batch_size: int | None
    interval: int | None
    unique_id: int | None
    engine_file: str | None


@dataclass(frozen=True)
class Overlay:
    """[osd]."""

    enabled: bool = False
    text: bool = True
    boxes: bool = True


@dataclass(frozen=True)
class AppConfig:
    """One pipeline. Sizes are pixels. perf_interval is in seconds, None without measurement."""

    path: Path
    sources: tuple[Source, ...]
    width: int
    height: int
    mux_batch: int
    sinks: tuple[Sink, ...]
    inference: Inference | None
    overlay: Overlay
    perf_interval: int | None
    kitti_folder: str | None
    loop: bool


def read_app_config(path: Path, console: Console) -> AppConfig:
    """Read a `.txt` file. Unknown keys are warned about on stdout, as the vendor does. Raises RunFailed."""
    if path.suffix in (".yml", ".yaml"):
        raise RunFailed(f"'{path}': the YAML form is not supported by the reference; use the .txt form", where="main")
    if path.suffix != ".txt":
        raise RunFailed(
            f"'{path}' is not parsed, since its name ends in none of .txt, .yml, .yaml; an empty pipeline cannot run",
            where="main",
        )
    reader = _Reader(path, console)
    try:
        return reader.read()
    except RunFailed as error:
        console.error(error.where, str(error))
        raise RunFailed(f"Failed to parse config file '{path}'", where="main") from None


class _Reader:
    """Reads one file, group by group, in the vendor's order."""

    def __init__(self, path: Path, console: Console) -> None:
        self._path = path
        self._console = console
        self._file = KeyFile("")

    def read(self) -> AppConfig:
        try:
            self._file = KeyFile.load(self._path)
        except KeyFileError as error:
            raise RunFailed(f"Failed to load uri file: {error}", where="parse_config_file") from None
        application = self._values("application", "application")
        listed = self._source_list()
        sources: list[Source] = [] if listed is None else listed
        sinks: list[Sink] = []
        for group in self._file.groups():
            self._refuse_group(group)
            if group.startswith("source") and group not in ("source-list", "source-attr-all"):
                sources += self._source(group, listed is not None)
            elif group.startswith("sink"):
                sinks += self._sink(group)
        if len(sources) > MAX_SOURCES:
            raise RunFailed(f"App supports max {MAX_SOURCES} sources", where="parse_config_file")
        if not sources:
            raise RunFailed("no source is enabled: nothing would run", where="parse_config_file")
        mux = self._mux()
        tests = self._values("tests", "tests")
        kitti = application["gie-kitti-output-dir"]
        return AppConfig(
            path=self._path,
            sources=tuple(sources),
            width=mux["width"],
            height=mux["height"],
            mux_batch=len(sources) if listed is not None or mux["batch-size"] < 1 else mux["batch-size"],
            sinks=tuple(sinks),
            inference=self._inference(len(sources) if listed is not None else None),
            overlay=self._overlay(),
            perf_interval=_perf_interval(application),
            kitti_folder=kitti,
            loop=tests["file-loop"] != 0,
        )

    def _values(self, group: str, kind: str, *, needs_enable: bool = False) -> dict[str, Any]:
        """Values of a group with defaults for absent keys; empty where `enable` is needed and is not 1."""
        table = GROUPS[kind]
        values: dict[str, Any] = {key.name: key.default for key in table.values() if key.use is not Use.NO_EFFECT}
        if not self._file.has_group(group):
            return {} if needs_enable else values
        if needs_enable and not self._enabled(group):
            return {}
        where = _PARSERS.get(kind, f"parse_{kind.replace('-', '_')}")
        for name in self._file.keys(group):
            key = table.get(name)
            if key is None and kind == "primary-gie" and _GIE_COLOR.fullmatch(name):
                continue
            if key is None:
                self._console.warn(where, f"Unknown key '{name}' for group [{group}]")
                continue
            values[name] = self._value(group, key, where)
            if key.use is Use.REFUSED and values[name] not in key.neutral:
                raise RunFailed(
                    f"the reference does not support {name}={values[name]} in [{group}]: {key.note}", where=where
                )
        return values

    def _value(self, group: str, key: Key, where: str) -> Any:
        readers = {
            Kind.INT: self._file.integer,
            Kind.BOOL: self._file.boolean,
            Kind.STRING: self._file.string,
            Kind.PATH: self._file.string,
            Kind.STRINGS: self._file.strings,
            Kind.INTS: self._file.integers,
            Kind.DOUBLES: self._file.numbers,
        }
        try:
            value: Any = readers[key.kind](group, key.name)
        except KeyFileError as error:
            raise RunFailed(f"Failed to parse '{group}' group: {error}", where=where) from None
        return app_path(self._path, value) if key.kind is Kind.PATH else value

    def _enabled(self, group: str) -> bool:
        try:
            return self._file.integer(group, "enable") != 0
        except KeyFileError:
            return False

    def _refuse_group(self, group: str) -> None:
        if group.startswith(REFUSED_GROUPS) and self._enabled(group):
            raise RunFailed(f"the reference does not support [{group}]; set enable=0", where="parse_config_file")

    def _source(self, group: str, listed: bool) -> list[Source]:
        values = self._values(group, "source", needs_enable=True)
        if not re.fullmatch(r"source\d+", group, re.ASCII):
            raise RunFailed(f'Source group "[{group}]" is not in the form "[source<%d>]"', where="parse_config_file")
        if not values:
            return []
        if listed:
            raise RunFailed(f"the reference does not support [{group}] beside [source-list]", where="parse_config_file")
        uri, kind = values["uri"], values["type"]
        if kind not in (_URI, _MULTI_URI):
            name = SOURCE_TYPES.get(kind, "unknown")
            raise RunFailed(f"the reference does not support type={kind} ({name}) in [{group}]", where="parse_source")
        if uri is None:
            raise RunFailed(f"[{group}] has no uri", where="parse_source")
        keep = max(1, values["drop-frame-interval"])
        if kind == _URI:
            return [Source(self._file_of(uri, group), keep)]
        path, count = self._file_of(uri, group), max(1, values["num-sources"])
        if count > MAX_SOURCES:
            raise RunFailed(f"App supports max {MAX_SOURCES} sources", where="parse_config_file")
        return [Source(_printf(path, index, group), keep) for index in range(count)]

    def _source_list(self) -> list[Source] | None:
        if not self._file.has_group("source-list"):
            return None
        where = "parse_source_list"
        values = self._values("source-list", "source-list")
        if not self._file.has_group("source-attr-all"):
            raise RunFailed("[source-attr-all] group not present.", where="parse_config_file")
        shared = self._values("source-attr-all", "source-attr-all")
        uris = values["list"] or []
        if self._file.has_key("source-list", "num-source-bins"):
            for name, title in (
                ("list", "URIs"),
                ("sensor-id-list", "Sensor IDs"),
                ("sensor-name-list", "Sensor Names"),
            ):
                if len(values[name] or []) != values["num-source-bins"]:
                    raise RunFailed(f"Mismatch in {title} provided and num-source-bins.", where=where)
        keep = max(1, shared["drop-frame-interval"])
        return [Source(self._file_of(uri, "source-list"), keep) for uri in uris]

    def _file_of(self, uri: str, group: str) -> str:
        """The path in a file:// URI. Nothing is percent-decoded."""
        if not uri.startswith(_FILE):
            raise RunFailed(
                f"the reference does not support uri={uri} in [{group}]: file:// only", where="parse_source"
            )
        return app_path(self._path, uri[len(_FILE) :])

    def _mux(self) -> dict[str, Any]:
        mux = self._values("streammux", "streammux")
        for name in ("width", "height"):
            if not 2 <= mux[name] <= _MAX_SIDE:
                raise RunFailed(
                    f"[streammux] needs width and height of 2 to {_MAX_SIDE} pixels; {name} is {mux[name]}",
                    where="parse_streammux",
                )
        return mux

    def _sink(self, group: str) -> list[Sink]:
        values = self._values(group, "sink", needs_enable=True)
        if not values:
            return []
        kind = values["type"]
        if kind == _FAKE:
            return [Sink(values["source-id"], values["sync"] != 0)]
        if kind != _ENCODE_FILE:
            name = SINK_TYPES.get(kind, "unknown")
            raise RunFailed(f"the reference does not support type={kind} ({name}) in [{group}]", where="parse_sink")
        if not values["output-file"]:
            raise RunFailed(f"[{group}] has no output-file", where="parse_sink")
        if values["container"] not in (1, 2):
            raise RunFailed(f"[{group}] container={values['container']} is neither 1 nor 2", where="parse_sink")
        return [
            Sink(
                values["source-id"],
                values["sync"] != 0,
                values["output-file"],
                "mp4" if values["container"] == 1 else "matroska",
                max(0, values["bitrate"]),
            )
        ]

    def _inference(self, forced_batch: int | None) -> Inference | None:
        values = self._values("primary-gie", "primary-gie", needs_enable=True)
        if not values:
            return None
        if not values["config-file"]:
            raise RunFailed("Config file not provided for primary nvinfer", where="parse_gie")
        batch = values["batch-size"]
        if batch is not None and forced_batch is not None:
            batch = forced_batch  # a source list overrides the number, but only where one was given
        return Inference(
            values["config-file"], batch, values["interval"], values["gie-unique-id"], values["model-engine-file"]
        )

    def _overlay(self) -> Overlay:
        values = self._values("osd", "osd", needs_enable=True)
        return Overlay(True, values["display-text"], values["display-bbox"]) if values else Overlay()


def _perf_interval(application: Mapping[str, Any]) -> int | None:
    if application["enable-perf-measurement"] == 0:
        return None
    interval: int = application["perf-measurement-interval-sec"]
    if interval < 1:
        raise RunFailed(
            f"perf-measurement-interval-sec is {interval}, with which deepstream-app divides by zero; set it",
            where="parse_app",
        )
    return interval


_DIRECTIVE = re.compile(r"%(%|[-+ #0]*\d*(?:\.\d+)?(?:hh|h|ll|l|q|j|z|t|L)?[a-zA-Z]?)")


def _printf(text: str, index: int, group: str) -> str:
    """The uri of a MultiURI source is a printf format that is given the source's index, once.

    Raises RunFailed for what is undefined in C: a second directive, and one that does not take an int.
    """
    taken = 0

    def expand(found: re.Match[str]) -> str:
        nonlocal taken
        directive = found.group(1)
        if directive == "%":
            return "%"
        taken += 1
        if taken > 1 or not re.fullmatch(r"[-+ #0]*\d{0,3}[diuxXo]", directive):
            raise RunFailed(
                f"[{group}] uri: '{found.group(0)}' is a printf directive that does not take the source's index; "
                "write %% for a percent sign",
                where="parse_source",
            )
        return "%" + directive

    return re.sub(_DIRECTIVE, lambda found: _apply(expand(found), index), text)


def _apply(directive: str, index: int) -> str:
    return directive if directive == "%" else directive % index
