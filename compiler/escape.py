"""The borders: one function per language that turns an untrusted Python string into text of that language.

Each function returns text that the language's own reader turns back into exactly the given string, or raises
`Unrepresentable` when the language has no way to say it. Nothing else in the project quotes or escapes.
"""

from __future__ import annotations

import re
from urllib.parse import quote

__all__ = [
    "Unrepresentable",
    "cpp_string",
    "html_text",
    "ini_list_item",
    "ini_value",
    "make_value",
    "markdown_text",
    "printf_path",
    "shell_word",
    "single_line",
    "trtexec_shape",
    "uri_path",
]


class Unrepresentable(ValueError):
    """The target language cannot express this string; `reason` says which part."""

    def __init__(self, language: str, text: str, reason: str) -> None:
        super().__init__(f"{language} cannot express {text!r}: {reason}")
        self.language = language
        self.text = text
        self.reason = reason


def cpp_string(text: str) -> str:
    """A C++ string literal, quotes included. Everything but plain ASCII becomes octal escapes of its UTF-8 bytes,
    so neither the compiler's source charset nor trigraphs matter (`?` is escaped for the latter)."""
    if "\0" in text:
        raise Unrepresentable("C++", text, "a C string ends at its first NUL")
    out = []
    for byte in text.encode("utf-8", "surrogateescape"):
        char = chr(byte)
        if char in '"\\?':
            out.append("\\" + char)
        elif 32 <= byte < 127:
            out.append(char)
        else:
            out.append(f"\\{byte:03o}")  # exactly three digits: a following digit cannot be taken in
    return '"' + "".join(out) + '"'


def ini_value(text: str) -> str:
    """A value of a GLib key file (nvinfer and deepstream-app .txt). GLib decodes \\s \\n \\t \\r \\\\ only."""
    if re.search(r"[\0\v\f]", text):
        raise Unrepresentable("key file", text, "NUL byte, vertical tab or form feed: GLib has no escape for them")
    out = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    stripped = out.lstrip(" ")
    out = "\\s" * (len(out) - len(stripped)) + stripped
    stripped = out.rstrip(" ")
    return stripped + "\\s" * (len(out) - len(stripped))


def ini_list_item(text: str) -> str:
    """One item of a `;` list of a GLib key file. nvinfer splits some lists itself, so a `;` is refused, not escaped."""
    if ";" in text:
        raise Unrepresentable("key file list", text, "';' separates the items")
    return ini_value(text)


def printf_path(text: str) -> str:
    """A URI of deepstream-app's source type 3, which is used as a printf format: every `%` is doubled."""
    return text.replace("%", "%%")


_SHELL_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


def shell_word(text: str) -> str:
    """One word of a POSIX shell command."""
    if "\0" in text:
        raise Unrepresentable("shell", text, "NUL byte")
    if _SHELL_SAFE.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


def make_value(text: str) -> str:
    """The right-hand side of a GNU make assignment. `$` and `#` are escaped; a line break, blanks at the ends and a
    backslash before `#` have no safe form there."""
    if re.search(r"[\n\r\0]", text) or text != text.strip() or "\\" in text:
        raise Unrepresentable("make", text, "line break, outer blank or backslash")
    return text.replace("$", "$$").replace("#", "\\#")


def html_text(text: str) -> str:
    """HTML text, or the value of a quoted attribute. Control and bidi characters are shown as escapes: some must not
    stand in HTML at all, others would turn the text around them."""
    out = single_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return out.replace('"', "&quot;").replace("'", "&#39;")


_MARKDOWN = re.compile(r"[\\`*_\[\]#|~]")
_MARKDOWN_ITEM = re.compile(r"^(\d*)([-+.)])(?= |$)")


def markdown_text(text: str) -> str:
    """Inline Markdown that shows the text literally, in a paragraph or a table cell, on one line. Control and bidi
    characters are shown as escapes."""
    flat = single_line(" ".join(text.split()))
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = _MARKDOWN.sub(lambda match: "\\" + match.group(0), flat)
    return _MARKDOWN_ITEM.sub(r"\1\\\2", flat)  # at the start of a line it would begin a list


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def single_line(text: str) -> str:
    """Text for a terminal or a comment: control, bidi and line-break characters shown as escapes, the rest as is."""
    return _CONTROL.sub(lambda m: m.group(0).encode("unicode_escape").decode("ascii"), text)


def trtexec_shape(name: str, dims: tuple[int, ...]) -> str:
    """`name:1x3x640x640` as trtexec's shape options take it. They split at `,` and the last `:`, strip one pair of
    single quotes, and take `*` as a wildcard, so names with those characters have no form there."""
    if not name or re.search(r"[,'*\s\0]", name):
        raise Unrepresentable("trtexec shapes", name, "comma, quote, asterisk or blank in a tensor name")
    return f"{name}:{'x'.join(str(dim) for dim in dims)}"


def uri_path(text: str) -> str:
    """A path as a relative URI, which neither Markdown nor HTML can take for anything else."""
    return quote(text.encode("utf-8", "surrogateescape"), safe="/._-~")
