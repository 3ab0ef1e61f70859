"""pydantic's errors -> diagnostics in the recipe's terms, at the place of the value.

The wording comes from the schema's own table (`keys`) and the value found, never from pydantic.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.fields import FAULT
from dsimport.compiler.keys import Key, all_keys, find_key, leaf_keys
from dsimport.compiler.nodes import Mapping, Scalar
from dsimport.compiler.suggest import closest, quoted_list
from dsimport.compiler.tree import find
from dsimport.compiler.yamltext import MAX_MISTAKES

__all__ = ["describe", "dotted", "key_help", "translate"]

_RANGE = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of"})
# words that YAML 1.1 took for truth values and 1.2 takes for texts
_TRUTH = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_LENGTH = frozenset({"too_short", "too_long"})


def translate(error: ValidationError, root: Mapping, start: Span, report: Report) -> None:
    """Report every finding of a failed validation of `root`. start: the place of things that stand nowhere."""
    found = error.errors(include_url=False)
    for item in found[:MAX_MISTAKES]:
        _one(item, root, start, report)
    if len(found) > MAX_MISTAKES:
        report.error(
            "R0007", f"{len(found) - MAX_MISTAKES} more mistakes", start, help="the rest is shown when these are gone"
        )


def dotted(parts: Iterable[str | int]) -> str:
    """The path as people write it: `preprocess.mean[1]`, `parser.threshold`."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def describe(value: Any) -> str:
    """A value as found in a recipe, in a person's words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text '{value if len(value) <= 40 else value[:39] + '…'}'"
    return "a mapping" if isinstance(value, dict) else "a list"


def key_help(section: Key, path: str = "") -> str:
    """The help line that lists what a section may hold. path: its real path, where the schema's has a `*`."""
    return f"keys of {path or section.path or 'a recipe'}: {quoted_list(section.keys)}"


def _unknown_key(parts: tuple[str | int, ...], section: Key, span: Span, report: Report) -> None:
    """The last part is no key of `section`: name the nearest one that is, here or elsewhere in the recipe."""
    name = str(parts[-1])
    near = closest(name, section.keys)
    if near is None:
        elsewhere = [path for path in leaf_keys() if "*" not in path]
        exact = [path for path in elsewhere if path.rpartition(".")[2] == name]
        near = exact[0] if exact else None
    label = f"did you mean '{near}'?" if near else f"not a key of {section.path or 'a recipe'}"
    report.error("R0102", f"unknown key '{name}'", span, label=label, help=key_help(section, dotted(parts[:-1])))


def _one(item: Any, root: Mapping, start: Span, report: Report) -> None:
    kind: str = item["type"]
    parts, node, key_span = find(root, tuple(item["loc"]))
    if isinstance(node, Scalar) and node.unusable:
        return  # reported where it was read
    span = node.span if key_span is not None or parts else start
    if kind == "missing":
        _missing(parts, str(item["loc"][-1]), key_span or start, report)
    elif kind == "extra_forbidden":
        section = find_key(parts[:-1]) or all_keys()[""]
        _unknown_key(parts, section, key_span or span, report)
    elif item["input"] is None and key_span is not None:
        path = dotted(parts)
        report.error("R0101", f"'{path}' has no value", key_span, label="needs a value", help=_example(path))
    elif kind == FAULT:
        context = item["ctx"]
        at = key_span if "[key]" in item["loc"] and key_span is not None else span
        report.error(
            context["code"],
            f"'{dotted(parts)}' {context['problem']}",
            at,
            label=context["label"],
            help=context["help"] or "correct the value",
        )
    else:
        value = node.value if kind == "literal_error" and isinstance(node, Scalar) else item["input"]
        _wrong_value(kind, parts, value, span, report)


def _missing(section: tuple[str | int, ...], name: str, span: Span, report: Report) -> None:
    path = dotted((*section, name))
    report.error("R0101", f"'{path}' is missing", span, label=f"needs '{name}'", help=_example(path))


def _example(path: str) -> str:
    examples = {
        "schema": "add 'schema: 1'",
        "name": "add e.g. 'name: rtdetr-r18'",
        "source": "add e.g. 'source: {huggingface: {repo: owner/name}}' or 'source: {file: {path: model.onnx}}'",
        "model": "add e.g. 'model: {family: rt-detr}'",
        "model.family": "add e.g. 'family: rt-detr'; 'dsimport schema' names them all",
    }
    return examples.get(path, f"give '{path}' a value")


def _wrong_value(kind: str, parts: tuple[str | int, ...], value: Any, span: Span, report: Report) -> None:
    key = find_key(parts) or Key("", "any")
    path = dotted(parts) or "a recipe"
    if kind in _LENGTH:
        if kind == "too_short" and len(value) >= dict(key.bounds).get("min_length", 0):
            return  # pydantic counts only the items that are right, and says about the others what is wrong
        message = f"'{path}' has {len(value)} {'entry' if len(value) == 1 else 'entries'}"
        report.error("R0105", message, span, help=f"wanted: {_limits(key)}")
    elif kind in _RANGE:
        report.error("R0105", f"'{path}' is out of range: {value}", span, help=f"wanted: {_limits(key)}")
    elif key.kind == "choice" and not isinstance(value, (dict, list)):
        _not_a_choice(key, path, value, span, report)
    else:
        help_text = _type_help(key, path, value)
        report.error("R0103", f"'{path}' must be {_wanted(key)}, found {describe(value)}", span, help=help_text)


def _not_a_choice(key: Key, path: str, value: Any, span: Span, report: Report) -> None:
    values = [describe(choice) if isinstance(choice, bool) else str(choice) for choice in key.choices]
    truth = _TRUTH.get(value) if isinstance(value, str) and True in key.choices else None
    near = truth or closest(str(value).lower() if isinstance(value, bool) else str(value), values)
    if near == value:
        near = f"{near} without quotes"  # the text 'true' is not the truth value
    elif near is not None:
        near = f"'{near}'" if near in key.choices else near
    report.error(
        "R0104",
        f"'{path}' cannot be {describe(value).removeprefix('the text ')}",
        span,
        label=f"did you mean {near}?" if near else "",
        help=f"values: {quoted_list(values)}",
    )


def _wanted(key: Key) -> str:
    words = {
        "section": f"a mapping with keys such as {quoted_list(key.keys[:3])}",
        "map": "a mapping by name",
        "list": "a list",
        "text": "a text",
        "int": "a whole number",
        "float": "a number",
        "choice": f"one of {quoted_list(describe(c) if isinstance(c, bool) else c for c in key.choices)}",
        "texts": "a text or a list of texts",
        "number or text": "a number or a fraction such as 1/255",
        "any": "something else",
    }
    return words[key.kind]


def _type_help(key: Key, path: str, value: Any) -> str:
    if key.kind == "text" and isinstance(value, (bool, int, float)):
        return "put quotes around it"
    if key.kind in ("int", "float") and isinstance(value, str):
        return "remove quotes, units and thousands separators"
    if key.kind == "int" and isinstance(value, float):
        return "write it without a fraction"
    if key.kind in ("list", "texts") and isinstance(value, (str, int, float)):
        return f"write it as a list: [{value}]" if len(str(value)) <= 40 else "write it as a list: [a, b]"
    if key.kind == "section":
        return key_help(key, path)
    return f"write {_wanted(key)}"


def _limits(key: Key) -> str:
    bounds = dict(key.bounds)
    number = {"int": "a whole number", "float": "a number"}.get(key.kind)
    if number is None:
        number, low, high = "a list of", bounds.get("min_length"), bounds.get("max_length")
        ends = [f"at least {low:g}" if low is not None else "", f"at most {high:g}" if high is not None else ""]
        if low is not None and low == high:
            ends = [f"{low:g}"]
        return f"{number} {' and '.join(end for end in ends if end)} entries"
    if bounds.get("multiple_of") == 2:
        number = "an even number"
    ends = []
    for name, word in (("ge", "at least"), ("gt", "greater than"), ("le", "at most"), ("lt", "less than")):
        if name in bounds:
            ends.append(f"{word} {int(bounds[name]) if bounds[name] == int(bounds[name]) else bounds[name]}")
    return f"{number}, {' and '.join(ends)}"
