"""Findings in an nvinfer configuration: its groups, and each group's keys."""

from __future__ import annotations

import re

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.keyfile import Group
from dsimport.compiler.lint.nvinfer_rules import check_property
from dsimport.compiler.lint.text import ConfigText
from dsimport.compiler.lint.values import Section, read_section
from dsimport.compiler.nvinfer_keys import CLASS_ATTRS, CLASS_ATTRS_PREFIX, NOT_KEYS, PROPERTY, Key
from dsimport.compiler.suggest import closest

__all__ = ["lint_nvinfer"]

_ALL = f"{CLASS_ATTRS_PREFIX}all"
_DETECTORS = (0, 3)  # the values of network-type for which [class-attrs-…] is read

_IN_CLASSES = dict.fromkeys(CLASS_ATTRS, f"it belongs into [{_ALL}]")
_IN_PROPERTY = dict.fromkeys(PROPERTY, "it belongs into [property]")


def lint_nvinfer(config: ConfigText, report: Report) -> Section:
    """Add everything that nvinfer would refuse, ignore or take for something else; the section [property]."""
    config.check_form(report)
    _groups(config, report)
    if config.group("property") is None:
        report.error(
            "C0201", "there is no group [property]", Span(config.file, 1, 1), help="nvinfer reads its settings from it"
        )
    section = read_section(config, "property", PROPERTY, report, {**_IN_CLASSES, **NOT_KEYS})
    if config.group("property") is not None:
        check_property(section, report)
    for group in config.groups():
        if group.name.startswith(CLASS_ATTRS_PREFIX):
            _class_group(config, group, section, report)
    return section


def _groups(config: ConfigText, report: Report) -> None:
    known = ("property", _ALL)
    for group in config.groups():
        if group.name in known or group.name.startswith(CLASS_ATTRS_PREFIX):
            continue
        near = closest(group.name, known)
        report.warning(
            "C0107",
            f"nvinfer does not read the group [{single_line(group.name)}]",
            config.group_span(group),
            label=f"did you mean [{near}]?" if near else "",
            help=f"the groups are [property], [{_ALL}] and [{CLASS_ATTRS_PREFIX}N] with a class index N",
        )


def _class_group(config: ConfigText, group: Group, section: Section, report: Report) -> None:
    if section.get("network-type") not in _DETECTORS:
        report.warning(
            "C0218",
            f"[{single_line(group.name)}] is not read: network-type {section.get('network-type')} is no detector",
            config.group_span(group),
            help="remove the group, or correct network-type",
        )
        return
    if group.name != _ALL:
        _class_index(config, group, section, report)
    values = read_section(config, group.name, CLASS_ATTRS, report, _IN_PROPERTY)
    mode = section.get("cluster-mode")
    for name in values.values:
        _unused(values, CLASS_ATTRS[name], mode, report)
    if values.get("topk") == 0:
        report.warning(
            "C0207", "topk=0 keeps no object at all", values.value_span("topk"), help="remove the key to keep all"
        )


def _class_index(config: ConfigText, group: Group, section: Section, report: Report) -> None:
    text = group.name[len(CLASS_ATTRS_PREFIX) :]
    span = config.group_span(group)
    found = re.match(r"\s*\+?(\d+)", text, re.ASCII)  # strtoull: `1abc` is 1
    if not found:
        report.error(
            "C0205", f"[{single_line(group.name)}] names no class", span, help="write a class index, counted from 0"
        )
        return
    count = section.get("num-detected-classes")
    # without a usable count the class's index says nothing, and that finding has been made
    if section.has("num-detected-classes") and count > 0 and int(found.group(1)[:18]) >= count:
        report.error(
            "C0205",
            f"there is no class {found.group(1)}: num-detected-classes is {count}",
            span,
            help="class indices count from 0; correct one of the two",
        )
    elif found.group(0) != text or found.group(1) != str(int(found.group(1)[:18])):
        report.warning(
            "C0205",
            f"[{single_line(group.name)}] is taken as class {int(found.group(1)[:18])}",
            span,
            help="write that",
        )


def _unused(values: Section, key: Key, mode: int, report: Report) -> None:
    # Mode 0 has a finding of its own, which says what becomes of all these.
    if key.modes is None or mode == 0 or mode in key.modes:
        return
    if values.get(key.name) == key.default:
        return
    used = ", ".join(str(item) for item in key.modes)
    report.warning(
        "C0206",
        f"'{key.name}' does nothing in cluster-mode {mode}",
        values.key_span(key.name),
        help=f"it is used in cluster-mode {used}; remove the line, or change cluster-mode in [property]",
    )
