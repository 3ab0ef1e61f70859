"""Types of the recipe's single values: each checks one form, says in a person's words what is wrong, and carries its
JSON Schema. A fault is a pydantic custom error whose context holds the parts of a diagnostic."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, PlainValidator, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from dsimport.compiler.escape import single_line
from dsimport.compiler.labelrules import MAX_LABEL_BYTES
from dsimport.compiler.suggest import quoted_list
from dsimport.compiler.versions import RELEASES

__all__ = [
    "FAULT",
    "VERBATIM",
    "Channels",
    "DeepStreamVersion",
    "EnvironmentName",
    "Fraction",
    "HubRepository",
    "Label",
    "Labels",
    "March",
    "NgcPart",
    "NumberOrText",
    "PathText",
    "RecipeName",
    "Revision",
    "SchemaVersion",
    "Sha256",
    "Switch",
    "TensorName",
    "TensorRtVersion",
    "Texts",
    "Url",
    "Word",
    "Workspace",
    "fault",
]

FAULT = "dsimport"  # the pydantic error type of `fault`
VERBATIM = "verbatim"  # marks text fields that take an unquoted number as it is written: 10.10 is not 10.1

_MAX_TEXT = 1023  # bytes; DeepStream keeps configuration strings in 1024 with the final NUL


def fault(code: str, problem: str, *, label: str = "", advice: str | Iterable[str] = ()) -> PydanticCustomError:
    """An error that becomes a diagnostic `'<key>' <problem>`. advice: its help lines."""
    lines = [advice] if isinstance(advice, str) else list(advice)
    parts: dict[str, Any] = {"code": code, "problem": problem, "label": label, "help": lines}
    return PydanticCustomError(FAULT, "{problem}", parts)


def _plain_text(text: str) -> str:
    return _bounded(text, _MAX_TEXT)


def _bounded(text: str, limit: int) -> str:
    if not text:
        raise fault("R0106", "is empty", advice="write a value, or remove the key")
    if single_line(text) != text:
        raise fault("R0106", "contains a control character or line break", advice="remove it")
    if len(text.encode()) > limit:
        raise fault("R0106", f"is longer than {limit} bytes", advice="shorten it")
    return text


def _form(pattern: str, wanted: str, limit: int = _MAX_TEXT) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        _bounded(text, limit)
        if not compiled.fullmatch(text):
            raise fault("R0106", f"does not have the form it needs: '{text}'", advice=f"wanted: {wanted}")
        return text

    return check


def _schema(pattern: str, **extra: Any) -> Any:
    """The JSON Schema side of `_form`; JSON Schema patterns are not anchored by themselves."""
    return Field(json_schema_extra={"pattern": f"^(?:{pattern})$", **extra})


def _recipe_name(text: str) -> str:
    _bounded(text, 64)
    if not re.fullmatch(_NAME, text) or ".." in text:
        slug = re.sub(r"\.\.+", ".", re.sub(r"[^a-z0-9._-]+", "-", text.lower())).strip("._-")
        raise fault(
            "R0106",
            f"cannot name a folder: '{text}'",
            label=f"perhaps '{slug}'" if slug else "",
            advice="a name has lower-case letters, digits, '.', '_' and '-', starts with a letter or digit, no '..'",
        )
    return text


def _hub_repository(text: str) -> str:
    _bounded(text, 96)
    pasted = re.fullmatch(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+).*", text)
    if pasted or not re.fullmatch(_REPOSITORY, text) or ".." in text or "--" in text:
        raise fault(
            "R0106",
            f"is no Hugging Face repository: '{text}'",
            label=f"did you mean '{pasted.group(1)}'?" if pasted else "",
            advice="wanted: owner/name, e.g. PekingU/rtdetr_r18vd",
        )
    return text


def _revision(text: str) -> str:
    _bounded(text, 255)
    if not re.fullmatch(_REVISION, text) or ".." in text:
        raise fault("R0106", f"is no revision: '{text}'", advice="wanted: a branch, a tag or a commit")
    return text


def _url(text: str) -> str:
    _plain_text(text)
    if re.match(r"[a-z]+://[^/?#]*@", text, re.IGNORECASE):
        raise fault(
            "R0106",
            "contains a user name or password",
            advice="never write credentials into a recipe; the download tools read them from their own store",
        )
    if not re.fullmatch(_URL, text):
        raise fault("R0106", f"is no web address: '{text}'", advice="wanted: https://host/path, blanks written as %20")
    return text


def _environment_name(text: str) -> str:
    _bounded(text, 128)
    # Somebody who puts the token itself here must not see it repeated in a log.
    if re.match(r"hf_[A-Za-z0-9]{16,}|nvapi-", text):
        raise fault(
            "R0106",
            "holds a token, not the name of an environment variable",
            advice=["remove the token from the file and revoke it", "wanted: the variable's name, e.g. HF_TOKEN"],
        )
    if not re.fullmatch(_ENVIRONMENT, text):
        raise fault("R0106", "is no name of an environment variable", advice="wanted: a name such as HF_TOKEN")
    return text


def _workspace(text: str) -> str:
    _bounded(text, 32)
    if re.fullmatch(_WORKSPACE, text):
        return text
    number, unit = re.fullmatch(r"\s*(\d*)\s*(.*?)\s*", text, re.DOTALL).groups()  # type: ignore[union-attr]
    suffix = unit[:1].upper() if unit[:1].upper() in ("M", "G") else "" if unit else "M"
    better = f"did you mean '{int(number)}{suffix}'?" if number and int(number) and suffix else ""
    reason = ["wanted: a whole number followed by M or G (base 2), e.g. 32768M"]
    if unit.upper().endswith("B"):
        reason.append("trtexec looks only at the last character, so a size that ends in B is read as bytes")
    raise fault("R0111", f"is no size that trtexec reads as meant: '{text}'", label=better, advice=reason)


def _deepstream(text: str) -> str:
    if text not in RELEASES:
        advice = f"values: {quoted_list(RELEASES)}"
        raise fault("R0104", f"names no supported DeepStream release: '{text}'", advice=advice)
    return text


def _schema_version(version: int) -> int:
    if version != 1:
        raise fault(
            "R0108", f"is {version}, and this dsimport reads version 1", advice="write 'schema: 1', or update dsimport"
        )
    return version


def _label(text: str) -> str:
    advice = "nvinfer reads labels line by line"
    if not text:
        raise fault("R0107", "is an empty label", advice=f"{advice} and skips empty lines: later labels would move up")
    if ";" in text:
        raise fault("R0107", f"contains ';': '{text}'", advice=f"{advice} and cuts each at its first ';'")
    if single_line(text) != text:
        raise fault("R0107", "contains a control character or line break", advice=f"{advice}; keep labels on one line")
    if text != text.strip():
        raise fault("R0107", f"starts or ends with a blank: '{text}'", advice=f"{advice} and would keep the blank")
    if len(text.encode()) > MAX_LABEL_BYTES:
        raise fault(
            "R0107", f"is longer than {MAX_LABEL_BYTES} bytes", advice="DeepStream cuts longer labels; shorten it"
        )
    return text


def _distinct(value: Any) -> Any:
    # A Literal compares by ==, where 1 is True and 1.0 is 1; as a text it is none of the choices.
    return str(value) if isinstance(value, float) or value is True or value is False else value


def _not_a_number(value: Any) -> Any:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _number_or_text(value: Any) -> float | str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value <= 0:
            raise fault("R0105", f"is out of range: {value}", advice="wanted: a number greater than 0")
        return float(value)
    if not isinstance(value, str):
        raise fault("R0103", "must be a number or a fraction such as 1/255", advice="write e.g. 1/255")
    _bounded(value, 100)
    if not re.fullmatch(r"[0-9eE.+\-*/() ]+", value):
        raise fault(
            "R0106", f"is neither a number nor arithmetic: '{value}'", advice="wanted: e.g. 1/255 or 1/(255*0.226)"
        )
    return value


def _shape_of(value: Any) -> str | None:
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, (list, tuple)) else None


_NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
_REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?"
_REVISION = r"[A-Za-z0-9][A-Za-z0-9._/+-]*"
_NGC = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_URL = r"https?://[A-Za-z0-9.\[\]:_-]+/[\x21-\x7e]*"
_ENVIRONMENT = r"[A-Za-z_][A-Za-z0-9_]*"
_WORKSPACE = r"[1-9][0-9]{0,8}[MG]"
_SHA256 = r"[0-9a-f]{64}"
_MARCH = r"[a-z0-9.+=_-]+"
_TENSORRT = r"[0-9]{1,2}\.[0-9]{1,2}(?:\.[0-9]{1,3}){0,2}"

RecipeName: TypeAlias = Annotated[str, AfterValidator(_recipe_name), _schema(_NAME), VERBATIM]
PathText: TypeAlias = Annotated[str, AfterValidator(_plain_text), Field(json_schema_extra={"minLength": 1}), VERBATIM]
TensorName: TypeAlias = Annotated[str, AfterValidator(_plain_text), Field(json_schema_extra={"minLength": 1}), VERBATIM]
HubRepository: TypeAlias = Annotated[str, AfterValidator(_hub_repository), _schema(_REPOSITORY)]
Revision: TypeAlias = Annotated[str, AfterValidator(_revision), _schema(_REVISION), VERBATIM]
NgcPart: TypeAlias = Annotated[
    str, AfterValidator(_form(_NGC, "letters, digits, '.', '_' and '-'")), _schema(_NGC), VERBATIM
]
Url: TypeAlias = Annotated[str, AfterValidator(_url), _schema(_URL)]
EnvironmentName: TypeAlias = Annotated[str, AfterValidator(_environment_name), _schema(_ENVIRONMENT)]
Sha256: TypeAlias = Annotated[
    str, AfterValidator(_form(_SHA256, "64 hexadecimal digits in lower case")), _schema(_SHA256), VERBATIM
]
Workspace: TypeAlias = Annotated[str, AfterValidator(_workspace), _schema(_WORKSPACE), VERBATIM]
March: TypeAlias = Annotated[
    str, AfterValidator(_form(_MARCH, "a value of g++ -march=, e.g. x86-64-v3", 64)), _schema(_MARCH)
]
Word: TypeAlias = Annotated[str, AfterValidator(_form(r"[A-Za-z0-9._-]+", "a word", 96)), VERBATIM]
DeepStreamVersion: TypeAlias = Annotated[
    str, AfterValidator(_deepstream), Field(json_schema_extra={"enum": list(RELEASES)}), VERBATIM
]
TensorRtVersion: TypeAlias = Annotated[
    str, AfterValidator(_form(_TENSORRT, "a version such as 10.16")), _schema(_TENSORRT), VERBATIM
]
Label: TypeAlias = Annotated[str, AfterValidator(_label), Field(json_schema_extra={"minLength": 1}), VERBATIM]
SchemaVersion: TypeAlias = Annotated[int, AfterValidator(_schema_version), Field(json_schema_extra={"const": 1})]
Switch: TypeAlias = Annotated[Literal["auto", True, False], BeforeValidator(_not_a_number)]
Channels: TypeAlias = Annotated[Literal[1, 3], BeforeValidator(_distinct)]
Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]
NumberOrText: TypeAlias = Annotated[
    float | str,
    PlainValidator(_number_or_text),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": "^[0-9eE.+*/() -]+$"}]}
    ),
]
Texts: TypeAlias = Annotated[
    Annotated[PathText, Tag("text")] | Annotated[tuple[PathText, ...], Field(min_length=1, strict=False), Tag("list")],
    Discriminator(_shape_of),
]
Labels: TypeAlias = Annotated[
    Annotated[PathText, Tag("text")] | Annotated[tuple[Label, ...], Field(min_length=1, strict=False), Tag("list")],
    Discriminator(_shape_of),
]
