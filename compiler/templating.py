"""jinja2 environments, one per target language, in which every printed value is escaped by construction.

`{{ value }}` in a template of language L goes through L's escaping function without the template saying so: the
environment's `finalize` is that function. Fragments that already are text of the language are wrapped in `Raw` by
Python code; templates cannot make one. An undefined name is an error.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2

from dsimport.compiler import escape
from dsimport.compiler.numbers import float32_text
from dsimport.compiler.plan import Hole, Text, joined

__all__ = ["Raw", "render", "render_text", "use_bytecode_cache"]

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


class Raw(str):
    """Text that already is in the template's language."""

    __slots__ = ()


def _finalizer(quote: Callable[[str], str]) -> Callable[[Any], str]:
    def finalize(value: Any) -> str:
        if isinstance(value, str):
            return value if isinstance(value, Raw) else quote(value)
        if isinstance(value, bool):
            return "1" if value else "0"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float):
            return float32_text(value)
        if isinstance(value, Hole):
            return f"\0{value.value}\0"  # NUL cannot come out of any escaping function
        raise TypeError(f"a template printed a {type(value).__name__}")

    return finalize


_QUOTES: dict[str, Callable[[str], str]] = {
    "cpp": escape.cpp_string,
    "html": escape.html_text,
    "ini": escape.ini_value,
    "make": escape.make_value,
    "markdown": escape.markdown_text,
    "shell": escape.shell_word,
}


_cache: jinja2.BytecodeCache | None = None


def use_bytecode_cache(cache: jinja2.BytecodeCache | None) -> None:
    """Have compiled templates kept in `cache`. Compiling them is a third of the time of planning one recipe; where the
    cache lies is the caller's business, since nothing here may touch a disk by itself."""
    global _cache
    _cache = cache
    _environment.cache_clear()
    _template.cache_clear()


@functools.cache
def _environment(language: str) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        finalize=_finalizer(_QUOTES[language]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # finalize escapes, for HTML as for the others
        auto_reload=False,
        bytecode_cache=_cache,
    )


@functools.cache
def _template(language: str, name: str) -> jinja2.Template:
    template = _environment(language).get_template(name)
    template.globals = dict(template.globals)  # a chain of maps is walked for every rendering, a dictionary is copied
    return template


def render(language: str, template: str, **context: Any) -> str:
    """Render `templates/<template>` as text of `language` (cpp, html, ini, make, markdown, shell)."""
    return _template(language, template).render(context)


def render_text(language: str, template: str, **context: Any) -> Text:
    """Like `render`, for templates that print `Hole`s: the result keeps them as holes."""
    parts = render(language, template, **context).split("\0")
    return joined(Hole(value=part) if index % 2 else part for index, part in enumerate(parts))
