"""The recipe as JSON Schema (draft 2020-12), from the same models that check recipes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from dsimport.compiler.keys import all_keys, leaf_keys
from dsimport.compiler.recipe import Recipe

__all__ = ["json_schema", "schema_text"]


def schema_text(families: Iterable[str]) -> str:
    """The schema as the text of `schema/recipe.schema.json`. families: names of the presets."""
    return json.dumps(json_schema(families), indent=2, ensure_ascii=False) + "\n"


def json_schema(families: Iterable[str]) -> dict[str, Any]:
    """The schema of one recipe file. A recipe that extends another one may leave out what that one says."""
    generated = Recipe.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = {name: _tidy(item) for name, item in generated.pop("$defs").items()}
    recipe = _tidy(generated)
    properties = recipe["properties"]
    model = definitions["ModelSection"]["properties"]
    model["family"] = {
        "description": model["family"]["description"],
        "anyOf": [{"enum": sorted(families)}, {"type": "string", "pattern": r"\.ya?ml$"}],
    }
    for path, key in all_keys().items():
        if key.verbatim and not path.endswith(".*"):
            _accept_numbers(_definition(path, properties, definitions))
    properties["matrix"] = {"description": properties["matrix"]["description"], "anyOf": [_matrix(recipe, definitions)]}
    properties["matrix"]["anyOf"].append({"type": "null"})
    required = {name: item.pop("required", []) for name, item in definitions.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dsimport recipe",
        "description": recipe["description"],
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        # what a recipe does not say itself, a file that it extends may say
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": recipe["required"], "properties": _complete(required)},
        "$defs": definitions,
    }


def _complete(required: dict[str, list[str]]) -> dict[str, Any]:
    """What `source` and `model` need in a recipe that stands alone."""
    kinds = {"huggingface": "HuggingFace", "ngc": "Ngc", "file": "FileSource", "url": "UrlSource"}
    sources = [
        {"required": [kind], "properties": {kind: {"type": "object", "required": required[name]}}}
        for kind, name in kinds.items()
    ]
    return {"source": {"oneOf": sources}, "model": {"required": required["ModelSection"]}}


def _matrix(recipe: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    axes = {}
    for path in leaf_keys():
        if "*" not in path and "." in path:
            section = _reference(path.rpartition(".")[0], recipe["properties"], definitions)
            axes[path] = _list_of({"$ref": f"{section}/properties/{path.rpartition('.')[2]}"})
    return {
        "type": "object",
        "minProperties": 1,
        "properties": axes,
        "patternProperties": {r"^parser\.per_class\..+\.(threshold|nms_iou|top_k)$": _list_of({"type": "number"})},
        "additionalProperties": False,
    }


def _list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "uniqueItems": True, "items": items}


def _reference(path: str, properties: dict[str, Any], definitions: dict[str, Any]) -> str:
    """`#/$defs/…` of the section with this dotted path."""
    found = ""
    for name in path.split("."):
        item = properties[name]
        found = next(branch["$ref"] for branch in (item, *item.get("anyOf", [])) if "$ref" in branch)
        properties = definitions[found.rpartition("/")[2]]["properties"]
    return found


def _definition(path: str, properties: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    section, _, leaf = path.rpartition(".")
    if section:
        properties = definitions[_reference(section, properties, definitions).rpartition("/")[2]]["properties"]
    found: dict[str, Any] = properties[leaf]
    return found


def _accept_numbers(item: dict[str, Any]) -> None:
    """Such texts may be written without quotes, and then YAML calls them numbers: 10.16."""
    if "enum" in item and item.get("type") == "string":
        texts = item.pop("enum")
        del item["type"]
        item["anyOf"] = [{"enum": texts}, {"type": "number"}]
    elif item.get("type") == "string":
        item["type"] = ["string", "number"]
    for below in (*item.get("anyOf", []), *item.get("oneOf", []), *([item["items"]] if "items" in item else [])):
        _accept_numbers(below)


def _tidy(item: Any) -> Any:
    """Drop what only tells that the schema came from Python (generated titles, defaults of null), and what differs
    between the versions of the library that generates it."""
    if isinstance(item, list):
        return [_tidy(value) for value in item]
    if isinstance(item, float) and item.is_integer():
        return int(item)
    if not isinstance(item, dict):
        return item
    out = {}
    for name, value in item.items():
        generated_title = name == "title" and isinstance(value, str)
        if generated_title or (name == "default" and value is None) or name == "propertyNames":
            continue
        # names of properties are data, not keywords
        if name == "allOf" and len(value) == 1:  # how older versions wrap a reference that has a description
            out.update(_tidy(value[0]))
            continue
        out[name] = {key: _tidy(below) for key, below in value.items()} if name == "properties" else _tidy(value)
    return out
