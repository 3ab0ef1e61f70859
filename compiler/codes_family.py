"""Diagnostic codes about detection families and how a model fits them: group N04 (see `codes`)."""

from __future__ import annotations

from dsimport.compiler.codedoc import CodeDoc

__all__ = ["FAMILY_CODES"]

FAMILY_CODES: dict[str, CodeDoc] = {
    "N0401": CodeDoc(
        "an unknown detection family",
        "`model.family` is the name of a preset of the package, or the path of a preset file of your own,\n"
        "relative to the recipe (`./my-family.yaml`). The family decides how the model's output tensors are read.",
    ),
    "N0402": CodeDoc(
        "a family preset cannot be read",
        "The preset file that `model.family` names does not exist or cannot be read. Its path is relative to the\n"
        "recipe.",
    ),
    "N0403": CodeDoc(
        "a family preset is not usable text",
        "A preset is a small YAML file in UTF-8 (64 KiB at most), without aliases and anchors.",
    ),
    "N0404": CodeDoc(
        "a family preset has a wrong value",
        "A key is unknown or missing, a value is outside what the parser templates know, or two parts contradict\n"
        "each other, for example a tensor that no part reads. The presets of the package are examples of every\n"
        "template.",
    ),
    "N0410": CodeDoc(
        "an output tensor has another shape than the family",
        "The shapes under `model.outputs` (batch excluded) do not fit the family's formula, such as 4 + classes.\n"
        "Either `model.classes` or the input size is wrong, or the model is of another family: the same\n"
        "dimensions in another order usually mean a family with the transposed layout. A parser made for a wrong\n"
        "shape would read nonsense.",
    ),
    "N0411": CodeDoc(
        "the family's tensors and the model's outputs do not correspond",
        "Every tensor a family reads must be one of the model's outputs, each a different one. Where the export\n"
        "uses other names than the family, `model.tensors` maps roles to names: `tensors: {boxes: output_1}`. A\n"
        "family with one tensor per level has a role per level: boxes_0, boxes_1.",
    ),
    "N0412": CodeDoc(
        "a dimension of the family cannot be worked out",
        "A preset's arithmetic names something unknown, or gives no whole positive number for this model.\n"
        "Declaring the outputs' shapes under `model.outputs` supplies free dimensions such as the number of\n"
        "queries.",
    ),
    "N0413": CodeDoc(
        "the parts of a family do not fit its tensors",
        "A part (boxes, scores, objectness) lies outside its tensor, or tensors and levels disagree about the\n"
        "number of candidates. The preset, or the input size of the recipe, is wrong: some families exist for one\n"
        "size only.",
    ),
}
