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
    "csv_cell",
    "dot_string",
    "html_text",
    "ini_list_item",
    "ini_value",
    "make_value",
    "markdown_text",
    "mermaid_text",
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


_NO_KEY_FILE = re.compile(r"[\0\v\f]")


def ini_value(text: str) -> str:
    """A value of a GLib key file (nvinfer and deepstream-app .txt). GLib decodes \\s \\n \\t \\r \\\\ only."""
    if _NO_KEY_FILE.search(text):
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


_NO_MAKE = re.compile(r"[\n\r\0]")


def make_value(text: str) -> str:
    """The right-hand side of a GNU make assignment. `$` and `#` are escaped; a line break, blanks at the ends and a
    backslash before `#` have no safe form there."""
    if _NO_MAKE.search(text) or text != text.strip() or "\\" in text:
        raise Unrepresentable("make", text, "line break, outer blank or backslash")
    return text.replace("$", "$$").replace("#", "\\#")


_MARKDOWN = re.compile(r"[\\`*_\[\]#|~]")
_MARKDOWN_ITEM = re.compile(r"^(\d*)([-+.)])(?= |$)")


def markdown_text(text: str) -> str:
    """Inline Markdown that shows the text literally, in a paragraph or a table cell, on one line. Control and bidi
    characters are shown as escapes."""
    flat = single_line(" ".join(text.split()))
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = _MARKDOWN.sub(lambda match: "\\" + match.group(0), flat)
    return _MARKDOWN_ITEM.sub(r"\1\\\2", flat)  # at the start of a line it would begin a list


_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def html_text(text: str) -> str:
    """HTML or XML that shows the text literally, in an element or a quoted attribute. Line feeds and tabs stay;
    characters that neither can hold, or that would reorder the line, are shown as escapes."""
    seen = _UNSEEN.sub(lambda match: match.group(0).encode("unicode_escape").decode("ascii"), text)
    return seen.translate(_HTML)


_MERMAID = re.compile(r"(?<=[A-Za-z0-9])[-_.](?=[A-Za-z0-9])|(?<=[^ ]) |[A-Za-z0-9,/‹›…→●]|(.)", re.DOTALL)


def mermaid_text(text: str) -> str:
    """One line of a Mermaid label in double quotes. Everything that Mermaid, Markdown (which it looks for in labels) or
    HTML could take for syntax becomes a character code."""
    return _MERMAID.sub(lambda match: f"#{ord(match[1])};" if match[1] else match[0], single_line(text))


def dot_string(*lines: str) -> str:
    """A string of Graphviz's DOT that shows the lines, quotes included. `&` would begin an HTML entity there."""
    shown = [single_line(line).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    return '"' + "\\n".join(shown) + '"'


_FORMULA = re.compile(r"\s*[=+\-@|%]")


def csv_cell(text: str) -> str:
    """A cell of a CSV file (RFC 4180) on one line. An apostrophe stands before what a spreadsheet would take for a
    formula, so this is for words, not for numbers."""
    shown = single_line(text)
    shown = "'" + shown if _FORMULA.match(shown) else shown
    return '"' + shown.replace('"', '""') + '"' if re.search(r"[\",;']", shown) else shown


def uri_path(path: str) -> str:
    """A relative path with `/` as a URI reference. A colon is escaped, so the path cannot become a scheme."""
    return quote(path.encode("utf-8", "surrogateescape"), safe="/")


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def single_line(text: str) -> str:
    """Text for a terminal or a comment: control, bidi and line-break characters shown as escapes, the rest as is."""
    return _CONTROL.sub(lambda m: m.group(0).encode("unicode_escape").decode("ascii"), text)


_NO_SHAPE = re.compile(r"[,'*\s\0]")


def trtexec_shape(name: str, dims: tuple[int, ...]) -> str:
    """`name:1x3x640x640` as trtexec's shape options take it. They split at `,` and the last `:`, strip one pair of
    single quotes, and take `*` as a wildcard, so names with those characters have no form there."""
    if not name or _NO_SHAPE.search(name):
        raise Unrepresentable("trtexec shapes", name, "comma, quote, asterisk or blank in a tensor name")
    return f"{name}:{'x'.join(str(dim) for dim in dims)}"
