"""What must hold between settings, the family and nvinfer, beyond each value's own type."""

from __future__ import annotations

import re

from dsimport.compiler.diagnostics import Report, Severity
from dsimport.compiler.escape import single_line
from dsimport.compiler.families import Family
from dsimport.compiler.graphpasses import can_fuse
from dsimport.compiler.load import Spans
from dsimport.compiler.model import Model
from dsimport.compiler.rules_versions import check_versions
from dsimport.compiler.suggest import closest

__all__ = ["check_model"]


def check_model(model: Model, family: Family, spans: Spans, report: Report) -> None:
    """Add an error or warning for every rule the resolved model breaks."""
    _cluster(model, family, spans, report)
    _per_class(model, spans, report)
    _color(model, spans, report)
    _normalisation(model, spans, report)
    _precision(model, spans, report)
    check_versions(model, spans, report)
    _videos(model, spans, report)
    _fuse_head(model, family, spans, report)


def _cluster(model: Model, family: Family, spans: Spans, report: Report) -> None:
    if model.parser.cluster == "none" and family.needs_nms:
        report.error(
            "N0311",
            "cluster 'none' with a dense head keeps every overlapping box",
            spans.value("parser.cluster"),
            label=f"family {family.family} needs nms",
            help="remove the key, or export with NMS in the graph and use family nms-rows",
        )


def _per_class(model: Model, spans: Spans, report: Report) -> None:
    labels = model.model.labels
    for label in model.parser.per_class:
        known = labels != "config" and label in labels
        if labels == "config" or known:
            if labels == "config":
                report.error(
                    "N0312",
                    f"'parser.per_class' names label '{label}', but the labels are only known after acquire",
                    spans.key(f"parser.per_class.{label}"),
                    help="write model.labels as a list or a labels file",
                )
            continue
        near = closest(label, labels)
        report.error(
            "N0312",
            f"'parser.per_class' names an unknown label '{label}'",
            spans.key(f"parser.per_class.{label}"),
            label=f"did you mean '{near}'?" if near else "",
            help="use one of model.labels",
        )


def _color(model: Model, spans: Spans, report: Report) -> None:
    wanted = 1 if model.preprocess.color == "gray" else 3
    if model.model.input.channels != wanted:
        report.error(
            "N0303",
            f"color '{model.preprocess.color}' needs {wanted} channels, the input has {model.model.input.channels}",
            spans.value("preprocess.color"),
            help="correct preprocess.color or model.input.channels",
        )


def _normalisation(model: Model, spans: Spans, report: Report) -> None:
    if model.preprocess.scale <= 0:
        report.error(
            "N0304",
            "scale must be greater than 0: nvinfer would take 1 instead and ignore the mean",
            spans.value("preprocess.scale"),
            help="write the factor that turns 0..255 into the network's range, e.g. 1/255",
        )
    if min(model.preprocess.std) <= 0:
        report.error("N0304", "std must be greater than 0", spans.value("preprocess.std"), help="correct the value")
    if len(set(model.preprocess.std)) > 1 and model.graph.fold_normalize is False:
        low, high = min(model.preprocess.std), max(model.preprocess.std)
        error = (high - low) / (high + low) * 100
        report.error(
            "N0305",
            f"one net-scale-factor for different std values: up to {error:.2f} % gain error per channel",
            spans.value("graph.fold-normalize"),
            help="set graph.fold-normalize to auto to have exact values in the graph",
            severity=Severity.WARNING,
        )


def _precision(model: Model, spans: Spans, report: Report) -> None:
    if model.engine.precision in ("int8", "best"):
        report.error(
            "N0307",
            f"precision '{model.engine.precision}' needs a calibration table, which this version cannot make",
            spans.value("engine.precision"),
            help="use fp16 or fp32; nvinfer without a table would silently fall back to fp16",
        )
    if model.engine.batch_limit < model.engine.max_batch:
        report.error(
            "N0308",
            f"batch_limit {model.engine.batch_limit} is below max_batch {model.engine.max_batch}",
            spans.value("engine.batch_limit"),
            help="raise batch_limit, or lower max_batch",
        )


# What stands in a URI, a key file and a gst-launch word without being decoded or split by any of them.
_VIDEO_PATH = re.compile(r"[A-Za-z0-9._/+=@~,-]+")


def _videos(model: Model, spans: Spans, report: Report) -> None:
    for key, path in (("pipeline.video", model.pipeline.video), ("benchmark.video", model.benchmark.video)):
        bad = _VIDEO_PATH.sub("", path)
        if bad and (key == "pipeline.video" or path != model.pipeline.video):
            report.error(
                "N0309",
                f"the video's path holds '{single_line(bad[0])}', which a GStreamer URI cannot carry safely",
                spans.value(key),
                help="rename the file, or make a link with a plain name (letters, digits and . _ - + = @ ~ ,)",
            )


def _fuse_head(model: Model, family: Family, spans: Spans, report: Report) -> None:
    if model.graph.fuse_head is True and not can_fuse(family):
        report.error(
            "N0313",
            f"the head of family {family.family} cannot be fused",
            spans.value("graph.fuse-head"),
            label=f"template {family.template}",
            help="remove the key: only heads with a box and class scores per candidate can be fused",
        )
