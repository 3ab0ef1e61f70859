"""Diagnostic codes about recognising models: group N05 (see `codes`)."""

from __future__ import annotations

from dsimport.compiler.codedoc import CodeDoc

__all__ = ["RECOGNISE_CODES"]

RECOGNISE_CODES: dict[str, CodeDoc] = {
    "N0501": CodeDoc(
        "no family explains the model",
        "`dsimport init` compares names, shapes and values of a model's outputs, its configuration and its\n"
        "metadata with every family preset. None fits without a contradiction. The nearest ones are named with\n"
        "what speaks against each. Choose a family with --family, or describe the outputs in a preset of your\n"
        "own.",
    ),
    "N0502": CodeDoc(
        "a batch that does not work",
        "nvinfer runs many images at once, and reads each image's part of every output. The model was run with\n"
        "one image and with two: its outputs have no batch dimension, the batch is fixed in the graph, or images\n"
        "after the first come out otherwise than alone. Ultralytics with nms=True, dynamic=True and batch=1 makes\n"
        "such files, and so do exports of torchvision's whole detectors and YOLOv7 with --max-wh. Export again,\n"
        "with the batch to be used or without NMS.",
    ),
    "N0503": CodeDoc(
        "no usable image input",
        "The model needs one float input [N, C, height, width] with 1 or 3 channels. Channels-last inputs and\n"
        "integer inputs are to be changed where the model is exported.",
    ),
    "N0504": CodeDoc(
        "inputs besides the image",
        "nvinfer feeds a model images and nothing else. Text belongs into the graph before it is exported; a size\n"
        "can be folded into it where the family says what it is.",
    ),
    "N0505": CodeDoc(
        "a model that is asked by text",
        "OWL-ViT, OWLv2, Grounding DINO and OmDet-Turbo find what they are asked for in words. For nvinfer the\n"
        "words are frozen into the graph when it is exported, and become its classes: `dsimport init SOURCE\n"
        "--prompt person,car`. Other classes need another export.",
    ),
    "N0506": CodeDoc(
        "the exporter says that it is no detector",
        "The metadata of the ONNX file names another task: segmentation, pose, classification or rotated boxes.\n"
        "Take the detection model of the same series.",
    ),
    "N0507": CodeDoc(
        "labels are missing, or do not fit",
        "Labels come from id2label, label2id or names of config.json, names in the ONNX file's metadata, or a\n"
        "labels file of the source, and from nowhere else: a list that only looks right names every object\n"
        "wrongly. Write one label per line, in class order, to a file and name it with --labels.",
    ),
    "N0508": CodeDoc(
        "the input size is not known",
        "The model takes images of any size, and neither its metadata nor preprocessor_config.json says for which\n"
        "it was made. Name it: --input-size 640x640 (height, then width).",
    ),
    "N0509": CodeDoc(
        "a model that cannot be examined",
        "The process in which the model was loaded and run crashed, took too long or needed too much memory.\n"
        "Nothing was written.",
    ),
    "N0510": CodeDoc(
        "not a source",
        "`dsimport init` takes a Hugging Face id (owner/name) or any address of a model there, the address of a\n"
        "model in the NGC catalog with its version, the address of an .onnx file, an .onnx file, or a checkpoint\n"
        "folder.",
    ),
    "N0511": CodeDoc(
        "operators that only TensorRT has",
        "The graph holds TensorRT plugins such as EfficientNMS_TRT, so it can be run nowhere else and cannot be\n"
        "looked at. Export the model without them: nvinfer does the NMS of a raw head itself.",
    ),
    "N0512": CodeDoc(
        "a file that init does not write over",
        "The file that the recipe would be written to is there, and is no recipe that could be read. Nothing of\n"
        "it is changed. Repair it, move it away, or choose another file with -o.",
    ),
}
