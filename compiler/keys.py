"""The recipe's keys as dotted paths, read off the models: for did-you-mean, for the matrix, for the JSON Schema.

`*` stands for any key of a mapping by name, and for any item of a list: `parser.per_class.*.threshold`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dsimport.compiler.fields import VERBATIM
from dsimport.compiler.recipe import Recipe

__all__ = ["Key", "all_keys", "find_key", "leaf_keys"]


class Key(NamedTuple):
    """One place of the schema.

    kind: what stands there. keys: the keys of a section. choices: the values of an enumeration. bounds: limits of a
    number or of a list's length, by pydantic's names (ge, gt, le, lt, multiple_of, min_length, max_length).
    verbatim: an unquoted number there is taken as it is written.
    """

    path: str
    kind: Literal["section", "map", "list", "text", "int", "float", "choice", "texts", "number or text", "any"]
    keys: tuple[str, ...] = ()
    choices: tuple[Any, ...] = ()
    bounds: tuple[tuple[str, float], ...] = ()
    verbatim: bool = False


def find_key(parts: tuple[str | int, ...]) -> Key | None:
    """The place with this path; names below a map and list indices may be anything."""
    table, path = all_keys(), ""
    for part in parts:
        parent = table[path]
        step = "*" if parent.kind in ("map", "list", "texts") else str(part)
        path = f"{path}.{step}" if path else step
        if path not in table:
            return None
    return table[path]


def leaf_keys() -> list[str]:
    """Dotted paths of everything that holds a single value or a list, in the order of the schema."""
    table = all_keys()
    return [path for path, key in table.items() if path and key.kind not in ("section", "map") and path[-2:] != ".*"]


@lru_cache(maxsize=1)
def all_keys() -> dict[str, Key]:
    """Every place by dotted path; the recipe itself is the empty path."""
    return {key.path: key for key in _section("", Recipe)}


def _section(path: str, model: type[BaseModel]) -> Iterator[Key]:
    names = {info.alias or name: info for name, info in model.model_fields.items()}
    yield Key(path, "section", keys=tuple(names))
    for name, info in names.items():
        yield from _field(f"{path}.{name}" if path else name, info)


def _field(path: str, info: FieldInfo) -> Iterator[Key]:
    yield from _place(path, info.annotation, info.metadata)


def _place(path: str, annotation: Any, outer: Sequence[Any] = ()) -> Iterator[Key]:
    inner, metadata = _unwrap(annotation)
    metadata += outer
    bounds = tuple(sorted(_bounds(metadata)))
    verbatim = VERBATIM in metadata
    origin = get_origin(inner)
    if origin is None and isinstance(inner, type) and issubclass(inner, BaseModel):
        yield from _section(path, inner)
    elif origin is dict:
        yield Key(path, "map", bounds=bounds)
        yield from _place(f"{path}.*", get_args(inner)[1])
    elif origin is tuple:
        yield Key(path, "list", bounds=bounds)
        yield from _place(f"{path}.*", get_args(inner)[0])
    elif origin is Literal:
        yield Key(path, "choice", choices=get_args(inner))
    elif origin in (Union, UnionType):
        branches = get_args(inner)
        if float in branches:
            yield Key(path, "number or text")
        else:
            yield Key(path, "texts", bounds=(("min_length", 1),), verbatim=True)
            yield Key(f"{path}.*", "text", verbatim=True)
    elif inner in (str, int, float):
        kinds: dict[Any, Literal["text", "int", "float"]] = {str: "text", int: "int", float: "float"}
        yield Key(path, kinds[inner], bounds=bounds, verbatim=verbatim)
    else:
        yield Key(path, "any")


def _unwrap(annotation: Any) -> tuple[Any, list[Any]]:
    """Takes off Annotated and `| None`, and gathers the metadata on the way."""
    metadata: list[Any] = []
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *found = get_args(annotation)
            metadata += found
            continue
        branches = [branch for branch in get_args(annotation) if branch is not type(None)]
        if origin in (Union, UnionType) and len(branches) == 1:
            annotation = branches[0]
            continue
        return annotation, metadata


def _bounds(metadata: list[Any]) -> Iterator[tuple[str, float]]:
    for item in metadata:
        constraints = item.metadata if isinstance(item, FieldInfo) else [item]
        for constraint in constraints:
            for name in ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length"):
                value = getattr(constraint, name, None)
                if value is not None:
                    yield name, value
