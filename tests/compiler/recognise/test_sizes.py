"""preprocessor_config.json as the image processors understand it.

Sizes by shortest edge and by largest height and width are those of transformers 4.57.6, held against its own functions
for 6,000 random cameras and rules in November 2026.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.families import family_names, load_family
from dsimport.compiler.recognise.decide import Choices, decide, likely_size
from dsimport.compiler.recognise.facts import SourceFacts
from dsimport.compiler.recognise.refused import check_architectures
from dsimport.compiler.recognise.sizes import input_of_preprocessor, rounded_down, size_of_metadata

FAMILIES = [load_family(name) for name in family_names()]
VGA = (480, 640)
HD = (1080, 1920)


@pytest.mark.parametrize(
    ("size", "camera", "multiple", "wanted"),
    [
        ({"shortest_edge": 800, "longest_edge": 1333}, HD, 1, (750, 1333)),
        ({"shortest_edge": 800, "longest_edge": 1333}, VGA, 1, (800, 1066)),
        ({"shortest_edge": 800, "longest_edge": 1333}, HD, 16, (736, 1328)),
        ({"shortest_edge": 512, "longest_edge": 864}, HD, 16, (480, 864)),
        ({"shortest_edge": 800}, VGA, 1, (800, 1066)),
        ({"height": 640, "width": 480}, HD, 1, (640, 480)),
        ({"max_height": 800, "max_width": 800}, HD, 1, (450, 800)),
        (800, HD, 1, (800, 800)),
    ],
)
def test_every_form_of_size(size: Any, camera: tuple[int, int], multiple: int, wanted: tuple[int, int]) -> None:
    found = input_of_preprocessor({"size": size}, camera).size
    assert found is not None
    assert rounded_down(found, multiple) == wanted


def test_old_files_have_a_number_and_a_limit() -> None:
    assert input_of_preprocessor({"size": 800, "max_size": 1333}).size == (750, 1333)


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ({"do_rescale": False}, {"scale": 1}),
        ({"rescale_factor": 0.00392156862745098}, {"scale": "1/255"}),
        ({"rescale_factor": 1 / 127.5}, {"scale": 1 / 127.5}),
        ({"do_normalize": False, "image_mean": [1, 1, 1]}, {"scale": "1/255", "mean": [0, 0, 0], "std": [1, 1, 1]}),
        (
            {"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 4]},
            {"scale": "1/255", "mean": [0.1, 0.2, 0.3], "std": [1, 2, 4]},
        ),
        ({"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 0, 4]}, {"scale": "1/255"}),
        ({"do_pad": True, "pad_size": {"height": 64, "width": 96}}, {"scale": "1/255", "resize": "letterbox"}),
        ({"size": {"height": 64, "width": 96}}, {"scale": "1/255", "resize": "stretch"}),
        ({"do_resize": False, "size": {"height": 64, "width": 96}}, {"scale": "1/255"}),
    ],
)
def test_rescaling_normalising_and_padding(data: dict[str, Any], values: dict[str, Any]) -> None:
    assert input_of_preprocessor(data).values == values


def test_the_size_in_metadata() -> None:
    assert size_of_metadata({"imgsz": "[480, 640]"}) == (480, 640)
    assert size_of_metadata({"imgsz": "[0, 640]"}) is None
    assert size_of_metadata({"imgsz": "__import__('os')"}) is None


# Whatever JSON there is: the keys that are looked at, with values of every kind.
KEYS = ("model_type", "architectures", "id2label", "label2id", "names", "num_queries", "image_size", "vision_config")
KEYS += ("size", "max_size", "pad_size", "do_pad", "do_resize", "do_rescale", "rescale_factor", "image_mean")
KEYS += ("image_std", "do_normalize", "height", "width", "shortest_edge", "longest_edge", "patch_size", "0", "1", "-1")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**9),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["detr", "yolos", "owlvit", "rt_detr"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)
CONFIGS = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8)


@settings(deadline=None)
@given(CONFIGS, st.none() | CONFIGS, st.booleans())
def test_no_configuration_does_more_than_be_refused(
    config: dict[str, Any], preprocessor: dict[str, Any] | None, prompted: bool
) -> None:
    facts = SourceFacts(name="any", config=config, preprocessor=preprocessor)
    choices = Choices(prompts=("cat", "dog") if prompted else ())
    size = likely_size(facts, FAMILIES, choices)
    assert size is None or all(1 <= side <= 16384 for side in size)
    refused: list[Diagnostic] = []
    values: dict[str, Any] = {"model.classes": 1, "model.outputs": {}}
    try:
        check_architectures(config, "config.json")
        values = {entry.key: entry.value for entry in decide(facts, FAMILIES, choices).entries}
    except DsimportError as error:
        refused = error.diagnostics
    assert all(item.help and all(item.help) for item in refused)
    assert values["model.classes"] >= 1
    assert all(dim >= 1 for shape in values["model.outputs"].values() for dim in shape)
