"""The section `recognise` of a family preset: by what a model of the family is known, as data.

What the values of its tensors look like is not said here: it follows from the preset's own `decode`.
"""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

__all__ = ["ColumnHint", "Recognise"]


def _check_pattern(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, RecursionError) as error:
        raise ValueError(f"no regular expression: {error}") from None
    # A repetition of a repetition can take longer than anybody waits, and metadata is anybody's text.
    if re.search(r"[*+}]\)[*+{]", text):
        raise ValueError("a repeated group with a repetition in it is not allowed")
    return text


Pattern: TypeAlias = Annotated[str, Field(max_length=200), AfterValidator(_check_pattern)]
Size: TypeAlias = tuple[Annotated[int, Field(ge=1, le=16384)], Annotated[int, Field(ge=1, le=16384)]]


class _Hints(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class ColumnHint(_Hints):
    """Something peculiar about one channel of a tensor: it always holds the same value, or `varies`."""

    tensor: str
    at: int = Field(ge=0, le=4096)
    constant: float | None = None
    varies: bool = False

    @model_validator(mode="after")
    def _one_of_two(self) -> ColumnHint:
        if (self.constant is None) != self.varies:
            raise ValueError("say constant: VALUE, or varies: true")
        return self


class Recognise(_Hints):
    """How models of a family are known, beside the `model_type` of config.json.

    names: other names that exporters give a tensor, by role (`maps_0` for the
    first of several levels). metadata: patterns that the exporter's own metadata must match as a whole, by key.
    repositories: patterns looked for in the name of the source. columns: peculiar channels. size: height and width
    where nothing else says them. classes: the number of classes that all such models have. safer_than: families whose
    models this one reads at least as well, each with the reason.
    """

    names: dict[str, tuple[str, ...]] = Field(default={}, max_length=32)
    metadata: dict[str, Pattern] = Field(default={}, max_length=8)
    repositories: tuple[Pattern, ...] = Field(default=(), max_length=16)
    columns: tuple[ColumnHint, ...] = Field(default=(), max_length=8)
    size: Size | None = None
    classes: int | None = Field(default=None, ge=1, le=100_000)
    safer_than: dict[str, str] = Field(default={}, max_length=8)
