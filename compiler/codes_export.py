"""Diagnostic codes about checkpoints and their export (see `codes`)."""

from __future__ import annotations

from dsimport.compiler.codedoc import CodeDoc

__all__ = ["EXPORT_CODES"]

EXPORT_CODES: dict[str, CodeDoc] = {
    "A0250": CodeDoc(
        "nothing to export",
        "`source.export` says how a checkpoint becomes an ONNX file. A checkpoint is a folder on this machine or a\n"
        "repository on the Hugging Face hub, with config.json and safetensors or .bin weights.",
    ),
    "A0251": CodeDoc(
        "a family without an exporter",
        "Which exporter works for which model is measured, and part of the family's preset (`export:`). Families\n"
        "whose models are not in transformers have their own export tools: use those, and name the .onnx file. DETA\n"
        "is in transformers 4 alone, and cuts its proposals down by NMS inside the model, which these exporters lose.",
    ),
    "A0252": CodeDoc(
        "text prompts that are missing, or too many",
        "Open-vocabulary detectors find what a text names. nvinfer has no text input, so the texts are frozen into\n"
        "the graph when it is exported: `source.export.frozen_prompt` lists them, and they become the labels.",
    ),
    "A0253": CodeDoc(
        "a checkpoint that is not one",
        "A checkpoint has a config.json with `model_type` and weights: model.safetensors or pytorch_model.bin, or\n"
        "their index with all the parts it names.",
    ),
    "A0254": CodeDoc(
        "a model type the family does not export",
        "`model_type` of config.json is not among those whose export was measured for this family. The message lists\n"
        "them, and the family that has it where there is one.",
    ),
    "A0255": CodeDoc(
        "other exporters than the lock file's",
        "The lock file says with which package versions a checkpoint was exported. This dsimport pins others, so the\n"
        "ONNX file may differ from the one of that time. Install the dsimport of then to rebuild the same file, or\n"
        "accept the new versions with `dsimport lock --update`.",
    ),
    "A0256": CodeDoc(
        "the export failed",
        "Every exporter that suits the model was tried, each attempt changing one thing. model/export_report.json has\n"
        "the reason of each attempt, model/export.log the whole output. Other ways: another revision of the\n"
        "repository, `source.export.exporter` and `opset`, or exporting by hand and naming the .onnx file.",
    ),
    "A0257": CodeDoc(
        "a checkpoint that does not load",
        "transformers could not make the model from config.json and the weights. Weights may be missing, of other\n"
        "shapes than the configuration says, or need a package that the export environment does not have. A backbone\n"
        "of timm is no reason: that package is laid over the environment where a checkpoint needs it.",
    ),
    "A0258": CodeDoc(
        "an exporter that is wrong at this size",
        "transformers 4, which optimum works with, confuses rows and columns of RT-DETR's and D-FINE's position\n"
        "embeddings where height and width differ. The export would equal that model and find other boxes than the\n"
        "model was trained to find. Without `source.export.exporter` the right exporter is chosen.",
    ),
    "H0610": CodeDoc(
        "the export environment cannot be made",
        "Checkpoints are exported in a virtual environment of their own, build/.venv_optimum (DSIMPORT_EXPORT_ENV\n"
        "names another place). It is installed once, with exact versions, from the package index that pip uses. The\n"
        "install log is beside it.",
    ),
    "H0611": CodeDoc(
        "no package index",
        "pip could not reach its package index, or the index lacks a pinned version. Without a network: make the\n"
        "environment on another machine of the same kind and copy it, or let PIP_INDEX_URL name a mirror.",
    ),
}
