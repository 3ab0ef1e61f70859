"""Findings in a deepstream-app configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from dsimport.compiler.deepstream_keys import GROUPS, MAX_SOURCES, REFUSED_GROUPS, SINK_TYPES, SOURCE_TYPES
from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.keyfile import Group
from dsimport.compiler.lint.text import ConfigText
from dsimport.compiler.lint.values import Section, read_section
from dsimport.compiler.suggest import closest, quoted_list

__all__ = ["lint_app"]

_SUFFIXES = (".txt", ".yml", ".yaml")
_NEED_ENABLE = ("source", "sink", "primary-gie", "osd", "tiled-display")
_URI, _MULTI_URI, _RTSP = 2, 3, 4
_DIRECTIVE = re.compile(r"%(?:%|[-+ #0]*\d{0,3}[diuxXo])?")
# Colours of the boxes of one class are keys with the class in their name.
_COLOR = re.compile(r"bbox-(?:border|bg)-color\d+")


def lint_app(config: ConfigText, report: Report) -> Section:
    """Add everything that deepstream-app would refuse, ignore or take for something else; [primary-gie]."""
    if not config.file.endswith(_SUFFIXES):
        report.error(
            "C0301",
            "deepstream-app does not parse a file with this name, and says nothing",
            Span(config.file, 1, 1),
            help="let the name end in .txt",
        )
    config.check_form(report)
    sections = {group.name: _section(config, group, report) for group in config.groups()}
    known = {name: section for name, section in sections.items() if section is not None}
    _sources(config, known, report)
    for name, section in known.items():
        if _base(name) == "sink" and _enabled(section):
            _sink(section, report)
    inference = known.get("primary-gie", Section(config, "primary-gie", GROUPS["primary-gie"]))
    _inference(inference, report)
    _application(known, inference, report)
    _muxer(known, report)
    return inference


def _base(name: str) -> str:
    """`source0` is a source, `source-list` is not."""
    found = re.fullmatch(r"(source|sink)(?!-).*", name)
    return found.group(1) if found else name


def _section(config: ConfigText, group: Group, report: Report) -> Section | None:
    base = _base(group.name)
    if base in _NEED_ENABLE and "enable" not in config.entries(group.name):
        report.warning(
            "C0308",
            f"[{single_line(group.name)}] has no enable: it is off",
            config.group_span(group),
            help="write enable=1, or enable=0 to say so",
        )
    if base not in GROUPS:
        if not group.name.startswith(REFUSED_GROUPS):
            near = closest(group.name, [*GROUPS, *REFUSED_GROUPS])
            report.warning(
                "C0107",
                f"deepstream-app does not read the group [{single_line(group.name)}]",
                config.group_span(group),
                label=f"did you mean [{near}]?" if near else "",
                help="remove the group, or correct its name",
            )
        return None
    if base in ("source", "sink") and not re.fullmatch(rf"{base}\d+", group.name, re.ASCII):
        report.error(
            "C0304",
            f"[{single_line(group.name)}] is no name of a {base}: deepstream-app does not start",
            config.group_span(group),
            help=f"write [{base}0], [{base}1] and so on",
        )
    table = GROUPS[base]
    if base == "primary-gie":
        colors = [name for name in config.entries(group.name) if _COLOR.fullmatch(name)]
        table = table | {name: replace(table["bbox-border-color"], name=name) for name in colors}
    return read_section(config, group.name, table, report)


def _enabled(section: Section) -> bool:
    return bool(section.get("enable")) or "enable" in section.unread


def _sources(config: ConfigText, known: dict[str, Section], report: Report) -> None:
    enabled = [section for name, section in known.items() if _base(name) == "source" and _enabled(section)]
    count = 0
    for section in enabled:
        count += _source(section, report)
    listed = known.get("source-list")
    if listed is not None:
        _source_list(listed, known, report)
    elif not enabled:
        report.error(
            "C0305",
            "no source is enabled: there is nothing to run",
            Span(config.file, 1, 1),
            help="write a group [source0] with enable=1",
        )
    if count > MAX_SOURCES:
        report.error(
            "C0312",
            f"{count} sources: deepstream-app takes {MAX_SOURCES}",
            enabled[-1].span(),
            help="start two of them",
        )


def _source(section: Section, report: Report) -> int:
    """How many streams it opens."""
    kind, uri = section.get("type"), section.get("uri")
    if "type" in section.unread:
        return 1
    if kind not in SOURCE_TYPES:
        report.error(
            "C0306",
            f"[{section.name}] has the unknown type {kind}",
            section.value_span("type"),
            help=f"types: {quoted_list(f'{number} {name}' for number, name in SOURCE_TYPES.items())}",
        )
        return 1
    if kind in (_URI, _MULTI_URI, _RTSP) and not uri and "uri" not in section.unread:
        report.error("C0306", f"[{section.name}] has no uri", section.span(), help="write uri=file:///path/of/the.mp4")
    if uri:
        _uri(section, uri, kind == _MULTI_URI, report)
    streams = section.get("num-sources") if "num-sources" not in section.unread else 1
    if kind != _MULTI_URI and streams > 1:
        report.warning(
            "C0315",
            f"num-sources={streams} does nothing with type {kind}",
            section.key_span("num-sources"),
            help="write type=3 to open the uri several times",
        )
        return 1
    return max(1, streams)


def _uri(section: Section, uri: str, is_format: bool, report: Report) -> None:
    span = section.value_span("uri")
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", uri):
        report.error("C0306", f"'{single_line(uri)}' is no URI", span, help="write file:// before a path")
        return
    bad = list(_bad_directives(uri)) if is_format else []
    if bad:
        report.error(
            "C0303",
            f"with type 3 the uri is a printf format, and '{single_line(bad[0])}' is a directive in it",
            span,
            help="write %% for a percent sign, and %d at most once for the index of the source",
        )
    elif uri.startswith("file://") and not is_format and re.search(r"%[0-9A-Fa-f]{2}", uri):
        report.warning(
            "C0311",
            "nothing decodes %XX in a file:// uri: it is part of the name",
            span,
            help="write the name as it is",
        )


def _bad_directives(uri: str) -> Iterator[str]:
    """Directives that do not take the index of the source, and every one after the first that does."""
    taken = 0
    for found in _DIRECTIVE.finditer(uri):
        text = found.group()
        if text == "%%":
            continue
        taken += 1
        if text == "%":
            yield uri[found.start() : found.start() + 2]
        elif taken > 1:
            yield text


def _source_list(listed: Section, known: dict[str, Section], report: Report) -> None:
    if "source-attr-all" not in known:
        report.error(
            "C0314", "[source-list] needs a group [source-attr-all]", listed.span(), help="write it, with a type"
        )
    if "num-source-bins" not in listed.values:
        return
    wanted = listed.get("num-source-bins")
    for key in ("list", "sensor-id-list", "sensor-name-list"):
        found = len(listed.get(key) or ())
        if found != wanted and key not in listed.unread and (key == "list" or listed.has(key)):
            report.error(
                "C0314",
                f"'{key}' has {found} items, num-source-bins is {wanted}",
                listed.value_span(key),
                help="write as many items as num-source-bins says",
            )


def _sink(section: Section, report: Report) -> None:
    kind = section.get("type")
    if "type" not in section.unread and kind not in SINK_TYPES:
        report.error(
            "C0306",
            f"[{section.name}] has the unknown type {kind}",
            section.value_span("type"),
            help=f"types: {quoted_list(f'{number} {name}' for number, name in SINK_TYPES.items())}",
        )


def _inference(section: Section, report: Report) -> None:
    if _enabled(section) and not section.get("config-file") and "config-file" not in section.unread:
        report.error(
            "C0307",
            "[primary-gie] has no config-file: deepstream-app does not start",
            section.span(),
            help="write config-file with the path of the nvinfer configuration, relative to this file",
        )


def _application(known: dict[str, Section], inference: Section, report: Report) -> None:
    section = known.get("application")
    if section is None:
        return
    measured = section.get("enable-perf-measurement") and "perf-measurement-interval-sec" not in section.unread
    if measured and section.get("perf-measurement-interval-sec") <= 0:
        report.error(
            "C0302",
            "enable-perf-measurement without an interval: deepstream-app divides by zero",
            section.key_span("enable-perf-measurement"),
            help="write perf-measurement-interval-sec=5",
        )
    if section.has("gie-kitti-output-dir") and not _enabled(inference):
        report.warning(
            "C0310",
            "gie-kitti-output-dir without an enabled [primary-gie]: nothing is written",
            section.key_span("gie-kitti-output-dir"),
            help="enable [primary-gie]",
        )


def _muxer(known: dict[str, Section], report: Report) -> None:
    section = known.get("streammux")
    if section is None or {"width", "height"} & section.unread:
        return
    sides = [section.get(key) for key in ("width", "height")]
    if not all(sides):
        key = "width" if section.has("width") else "height"
        report.warning(
            "C0309",
            "[streammux] takes width and height only if both are given",
            section.key_span(key),
            help="write both, in pixels",
        )
