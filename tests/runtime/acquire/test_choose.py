"""Which ONNX file is taken: the seed's order, the recipe's wish, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.acquire.choose import choose_onnx, variant_of

HUB = ["model.onnx", "model_fp16.onnx", "model_int8.onnx", "model_q4.onnx", "model_quantized.onnx", "model_uint8.onnx"]


def choose(paths: list[str], variant: str | None = None, file: str | None = None, fp16: bool = True) -> str:
    return choose_onnx(paths, variant=variant, file=file, where="acme/tiny", fp16=fp16).path


@pytest.mark.parametrize(
    ("paths", "taken"),
    [
        (HUB, "model_fp16.onnx"),
        ([name for name in HUB if "fp16" not in name], "model.onnx"),
        (["a_q4.onnx", "a_int8.onnx", "a_quantized.onnx"], "a_int8.onnx"),
        (["a_int4.onnx", "a_quantized.onnx", "a_bnb4.onnx"], "a_int4.onnx"),
        (["a_uint8.onnx", "a_quantized.onnx"], "a_quantized.onnx"),
        (["b_bnb4.onnx", "a_q4f16.onnx"], "a_q4f16.onnx"),
        (["onnx/model_fp16.onnx", "model_int8.onnx"], "model_int8.onnx"),
        (["onnx/model.onnx", "onnx/old/model_fp16.onnx", "x/model_fp16.onnx"], "onnx/model.onnx"),
        (["yolo11n.onnx", "README.md", "model.safetensors"], "yolo11n.onnx"),
    ],
)
def test_the_order_is_the_seeds(paths: list[str], taken: str) -> None:
    assert choose(paths) == taken


def test_float16_inputs_are_not_preferred_where_nothing_converts_them() -> None:
    assert choose(HUB, fp16=False) == "model.onnx"
    assert choose(["m_fp16.onnx", "m_bnb4.onnx"], fp16=False) == "m_bnb4.onnx"
    assert choose(["m_fp16.onnx"], fp16=False) == "m_fp16.onnx"


def test_the_recipe_may_name_a_variant_or_a_file() -> None:
    assert choose(HUB, variant="int8") == "model_int8.onnx"
    assert choose(HUB, variant="uint8") == "model_uint8.onnx"
    assert choose([*HUB, "deep/in/x.onnx"], file="deep/in/x.onnx") == "deep/in/x.onnx"


def test_the_choice_says_everything_it_chose_from() -> None:
    found = choose_onnx(HUB, variant=None, file=None, where="acme/tiny", fp16=True)
    assert str(found) == f"model_fp16.onnx (fp16); candidates: {', '.join(HUB)}"


@pytest.mark.parametrize(
    ("paths", "wish", "code", "words"),
    [
        (["model.safetensors", "config.json"], {}, "A0240", "`export: {}` below source"),
        (["pytorch_model.bin"], {}, "A0240", "dsimport lock"),
        (["README.md"], {}, "A0241", "another repository|same model"),
        ([], {}, "A0241", "same model"),
        (["model.etlt", "labels.txt"], {}, "A0245", "choose a version"),
        (["model.engine"], {}, "A0245", "choose a version"),
        (["weights/a.onnx"], {}, "A0242", "source.onnx.file"),
        (HUB, {"variant": "fp8"}, "A0242", "variants: fp16, fp32, int8, other, quantized"),
        (HUB, {"file": "model_fp61.onnx"}, "A0242", "did you mean 'model_fp16.onnx'"),
    ],
)
def test_refusals_say_what_to_do(paths: list[str], wish: dict[str, str], code: str, words: str) -> None:
    with pytest.raises(DsimportError) as caught:
        choose(paths, **wish)
    found = caught.value.diagnostics[0]
    assert found.code == code
    assert any(part in "\n".join(found.help) for part in words.split("|"))


PATHS = st.from_regex(r"([a-z0-9_\-.]{1,5}/){0,2}[a-z0-9_\-.]{1,6}\.onnx", fullmatch=True)


@given(st.lists(PATHS, min_size=1, unique=True), st.booleans())
def test_any_listing_gives_one_of_its_files_whatever_its_order(names: list[str], fp16: bool) -> None:
    placed = [name for name in names if name.rpartition("/")[0] in ("", "onnx")]
    if not placed:
        with pytest.raises(DsimportError, match="A0242"):
            choose(names, fp16=fp16)
        return
    taken = choose(names, fp16=fp16)
    assert taken in placed
    assert choose(names[::-1], fp16=fp16) == taken


def test_variants_are_words_of_the_name() -> None:
    assert variant_of("onnx/model_fp16.onnx") == "fp16"
    assert variant_of("halfway.onnx") == "fp32"
    assert variant_of("model-INT8.onnx") == "int8"
    assert variant_of("model_uint8.onnx") == "other"
