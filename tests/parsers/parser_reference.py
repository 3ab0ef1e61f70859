"""Post-processing in numpy, written from the families' own descriptions (not from the templates).

Tensors are looked up by role. A `dense` function gives boxes [A, 4] (edges, network pixels) and probabilities [A, C];
`select` then does what the family's own code does with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Roles = Mapping[str, Array]


@dataclass(frozen=True)
class Net:
    """Network input in pixels, and how many classes are asked for."""

    height: int
    width: int
    classes: int


@dataclass(frozen=True)
class Results:
    """Objects before clipping: classes [n], scores [n] (float32), boxes [n, 4] (edges, pixels)."""

    classes: Array
    scores: Array
    boxes: Array


Reference = Callable[[Roles, Net], Results]


def corners(boxes: Array) -> Array:
    """cx, cy, w, h to edges."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def normalized(boxes: Array, net: Net) -> Array:
    return boxes * np.array([net.width, net.height, net.width, net.height], float)


def sigmoid(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    with np.errstate(invalid="ignore"):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)


def argmax(boxes: Array, probabilities: Array) -> Results:
    """Each candidate's best class; NaN never wins."""
    known = np.where(np.isnan(probabilities), -np.inf, probabilities)
    best = known.argmax(axis=1)
    return Results(best, known[np.arange(len(best)), best].astype(np.float32), boxes)


def pairs(boxes: Array, probabilities: Array, k: int | None) -> Results:
    """The k best (candidate, class) pairs, the first of equal ones."""
    flat = np.where(np.isnan(probabilities), -np.inf, probabilities).astype(np.float32).ravel()
    order = np.argsort(-flat, kind="stable")[:k] if k is not None else np.arange(flat.size)
    classes = probabilities.shape[1]
    return Results(order % classes, flat[order], boxes[order // classes])


def yolov8(t: Roles, net: Net) -> Results:
    out = t["output"].T
    return argmax(corners(out[:, :4]), out[:, 4:])


def detr(t: Roles, net: Net) -> Results:
    return argmax(corners(normalized(t["boxes"], net)), softmax(t["scores"])[:, :-1])


def nms_rows(t: Roles, net: Net) -> Results:
    rows = t["output"]
    return Results(rows[:, 5], rows[:, 4], rows[:, :4])


def centerface(t: Roles, net: Net) -> Results:
    heat, size, offset = t["heat"], t["size"], t["offset"]
    c, y, x = np.indices(heat.shape).reshape(3, -1)
    h, w = np.exp(size[:, y, x]) * 4
    cy, cx = (y + offset[0, y, x] + 0.5) * 4, (x + offset[1, y, x] + 0.5) * 4
    return Results(c, heat.ravel(), np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1))


def all_pairs(boxes: Array, probabilities: Array) -> Results:
    """Every (candidate, class) for itself."""
    return pairs(boxes, probabilities, None)


def focal(k: int | None) -> Reference:
    """Sigmoid over (query, class) pairs; k best, as many as there are queries for None."""

    def post(t: Roles, net: Net) -> Results:
        boxes = corners(normalized(t["boxes"], net))
        return pairs(boxes, sigmoid(t["scores"]), k or len(boxes))

    return post


def best_query_class(t: Roles, net: Net) -> Results:
    return argmax(corners(normalized(t["boxes"], net)), sigmoid(t["scores"]))


def with_objectness(t: Roles, net: Net) -> Results:
    out = t["output"].astype(np.float32)  # the product is taken in float32
    return argmax(corners(t["output"][:, :4]), (out[:, 4:5] * out[:, 5:]).astype(float))


def constant_objectness(t: Roles, net: Net) -> Results:
    return argmax(corners(t["output"][:, :4]), t["output"][:, 5:])


def yolov7_one_class(t: Roles, net: Net) -> Results:
    return argmax(corners(t["output"][:, :4]), t["output"][:, 4:5])


def yolov7_raw(t: Roles, net: Net) -> Results:
    anchors = [[12, 16, 19, 36, 40, 28], [36, 75, 76, 55, 72, 146], [142, 110, 192, 243, 459, 401]]
    found = []
    for level, stride in enumerate((8, 16, 32)):
        y = sigmoid(t[f"maps_{level}"])
        _, rows, columns, _ = y.shape
        grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)
        size = np.array(anchors[level], float).reshape(3, 1, 1, 2)
        xy = (y[..., :2] * 2 - 0.5 + grid) * stride
        wh = (y[..., 2:4] * 2) ** 2 * size
        found.append(np.concatenate([xy, wh, y[..., 4:]], axis=-1).reshape(-1, y.shape[-1]))
    out = np.concatenate(found)
    return argmax(corners(out[:, :4]), out[:, 4:5] * out[:, 5:])


def darknet(strides: tuple[int, ...], anchors: list[list[int]], scales: tuple[float, ...]) -> Reference:
    def post(t: Roles, net: Net) -> Results:
        found = []
        for level, (stride, scale) in enumerate(zip(strides, scales, strict=True)):
            raw = t[f"maps_{level}"]
            _, rows, columns = raw.shape
            raw = raw.reshape(3, 5 + net.classes, rows, columns)
            for anchor in range(3):
                tx, ty, tw, th, objectness = raw[anchor, :5]
                gy, gx = np.indices((rows, columns))
                cx = (sigmoid(tx) * scale - (scale - 1) / 2 + gx) * stride
                cy = (sigmoid(ty) * scale - (scale - 1) / 2 + gy) * stride
                w, h = np.exp(tw) * anchors[level][2 * anchor], np.exp(th) * anchors[level][2 * anchor + 1]
                scores = sigmoid(raw[anchor, 5:]) * sigmoid(objectness)
                found.append(np.concatenate([np.stack([cx, cy, w, h]), scores]).reshape(4 + net.classes, -1).T)
        out = np.concatenate(found)
        return pairs(corners(out[:, :4]), out[:, 4:], None)

    return post


def yolov4_boxes(t: Roles, net: Net) -> Results:
    return argmax(normalized(t["boxes"][:, 0], net), t["scores"])


def yolox_raw(t: Roles, net: Net) -> Results:
    out, centres, strides = t["output"].copy(), [], []
    for stride in (8, 16, 32):
        gy, gx = np.mgrid[0 : net.height // stride, 0 : net.width // stride]
        centres.append(np.stack([gx.ravel(), gy.ravel()], axis=1))
        strides.append(np.full((gx.size, 1), stride))
    step = np.concatenate(strides)
    out[:, :2] = (out[:, :2] + np.concatenate(centres)) * step
    out[:, 2:4] = np.exp(out[:, 2:4]) * step
    return with_objectness({"output": out}, net)


def edges_and_scores(t: Roles, net: Net) -> Results:
    return all_pairs(t["boxes"], t["scores"])


def pp_yoloe(t: Roles, net: Net) -> Results:
    return all_pairs(t["boxes"], t["scores"].T)


def pp_yoloe_post(t: Roles, net: Net) -> Results:
    return all_pairs(t["output"][:, :4], t["output"][:, 4:])


def cells(net: Net, stride: int, offset: float) -> Array:
    """Reference points [rows * columns, 2] (x, y) in pixels."""
    rows, columns = -(-net.height // stride), -(-net.width // stride)
    gy, gx = np.mgrid[0:rows, 0:columns]
    return (np.stack([gx.ravel(), gy.ravel()], axis=1) + offset) * stride


def from_distances(points: Array, ltrb: Array) -> Array:
    return np.concatenate([points - ltrb[:, :2], points + ltrb[:, 2:]], axis=1)


def expectation(bins: Array, reg_max: int) -> Array:
    """[n, 4 * (reg_max + 1)] to [n, 4]: the mean bin of each edge's softmax."""
    return softmax(bins.reshape(len(bins), 4, reg_max + 1)) @ np.arange(reg_max + 1)


def rtmdet_raw(t: Roles, net: Net) -> Results:
    boxes, scores = [], []
    for level, stride in enumerate((8, 16, 32)):
        boxes.append(from_distances(cells(net, stride, 0), t[f"boxes_{level}"].reshape(4, -1).T))
        scores.append(sigmoid(t[f"scores_{level}"]).reshape(net.classes, -1).T)
    return all_pairs(np.concatenate(boxes), np.concatenate(scores))


def nanodet(t: Roles, net: Net) -> Results:
    out = t["output"]
    strides = (8, 16, 32, 64)
    points = [cells(net, stride, 0) for stride in strides]
    step = np.concatenate([np.full((len(p), 1), s) for p, s in zip(points, strides, strict=True)])
    boxes = from_distances(np.concatenate(points), expectation(out[:, net.classes :], 7) * step)
    return all_pairs(boxes, out[:, : net.classes])


def picodet(t: Roles, net: Net) -> Results:
    boxes, scores = [], []
    for level, stride in enumerate((8, 16, 32, 64)):
        boxes.append(from_distances(cells(net, stride, 0.5), expectation(t[f"boxes_{level}"], 7) * stride))
        scores.append(t[f"scores_{level}"])
    return all_pairs(np.concatenate(boxes), np.concatenate(scores))


def fcos(t: Roles, net: Net) -> Results:
    strides = (8, 16, 32, 64, 128)
    points = [cells(net, stride, 0) for stride in strides]
    step = np.concatenate([np.full((len(p), 1), s) for p, s in zip(points, strides, strict=True)])
    boxes = from_distances(np.concatenate(points), t["boxes"] * step)
    return all_pairs(boxes, np.sqrt(sigmoid(t["scores"]) * sigmoid(t["centerness"])))


def from_deltas(priors: Array, deltas: Array, variances: tuple[float, float], clip: float | None) -> Array:
    """Priors and deltas [n, 4] as cx, cy, w, h to edges."""
    centre = priors[:, :2] + deltas[:, :2] * variances[0] * priors[:, 2:]
    size = deltas[:, 2:] * variances[1]
    return corners(np.concatenate([centre, np.exp(np.minimum(size, clip or np.inf)) * priors[:, 2:]], axis=1))


LOG_CLIP = float(np.log(1000 / 16))


def ssd_torchvision(t: Roles, net: Net) -> Results:
    scales = [0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05]
    ratios = [[2], [2, 3], [2, 3], [2, 3], [2], [2]]
    priors = []
    for k, step in enumerate((8, 16, 32, 64, 100, 300)):
        between = np.sqrt(scales[k] * scales[k + 1])
        sizes = [(scales[k], scales[k]), (between, between)]
        for ratio in ratios[k]:
            w, h = scales[k] * np.sqrt(ratio), scales[k] / np.sqrt(ratio)
            sizes += [(w, h), (h, w)]
        for y in range(-(-300 // step)):
            for x in range(-(-300 // step)):
                priors += [((x + 0.5) * step, (y + 0.5) * step, min(w, 1) * 300, min(h, 1) * 300) for w, h in sizes]
    boxes = from_deltas(np.array(priors), t["boxes"], (0.1, 0.2), LOG_CLIP)
    return all_pairs(boxes, softmax(t["scores"])[:, 1:])


def ssdlite_torchvision(t: Roles, net: Net) -> Results:
    scales = np.append(np.linspace(0.2, 0.95, 6), 1.0)
    priors = []
    for k, count in enumerate((20, 10, 5, 3, 2, 1)):
        between = np.sqrt(scales[k] * scales[k + 1])
        sizes = [(scales[k], scales[k]), (between, between)]
        for ratio in (2, 3):
            w, h = scales[k] * np.sqrt(ratio), scales[k] / np.sqrt(ratio)
            sizes += [(w, h), (h, w)]
        for y in range(count):
            for x in range(count):
                centre = ((x + 0.5) / count * 320, (y + 0.5) / count * 320)
                priors += [(*centre, min(w, 1) * 320, min(h, 1) * 320) for w, h in sizes]
    boxes = from_deltas(np.array(priors), t["boxes"], (0.1, 0.2), LOG_CLIP)
    return all_pairs(boxes, softmax(t["scores"])[:, 1:])


def ssd_tf(t: Roles, net: Net) -> Results:
    scales = np.append(np.linspace(0.2, 0.95, 6), 1.0)
    priors = []
    for k, count in enumerate((19, 10, 5, 3, 2, 1)):
        shapes = [(0.1, 1.0), (0.2, 2.0), (0.2, 0.5)]
        if k > 0:
            shapes = [(scales[k], ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 0.3333)]
            shapes.append((float(np.sqrt(scales[k] * scales[k + 1])), 1.0))
        for y in range(count):
            for x in range(count):
                for scale, ratio in shapes:
                    w, h = scale * np.sqrt(ratio), scale / np.sqrt(ratio)
                    priors.append([(x + 0.5) / count * 300, (y + 0.5) / count * 300, w * 300, h * 300])
    deltas = t["boxes"][:, 0][:, [1, 0, 3, 2]]
    boxes = from_deltas(np.array(priors), deltas, (0.1, 0.2), None)
    return all_pairs(boxes, sigmoid(t["scores"])[:, 1:])


def retinanet(t: Roles, net: Net) -> Results:
    priors = []
    for stride, size in zip((8, 16, 32, 64, 128), (32, 64, 128, 256, 512), strict=True):
        sizes = np.array([size, int(size * 2 ** (1 / 3)), int(size * 2 ** (2 / 3))], float)
        h_ratio = np.sqrt(np.array([0.5, 1.0, 2.0]))
        w = (1 / h_ratio[:, None] * sizes).ravel()
        h = (h_ratio[:, None] * sizes).ravel()
        base = np.round(np.stack([-w, -h, w, h], axis=1) / 2)
        shifts = np.tile(cells(net, stride, 0), 2)
        edges = (shifts[:, None] + base[None]).reshape(-1, 4)
        priors.append(np.concatenate([(edges[:, :2] + edges[:, 2:]) / 2, edges[:, 2:] - edges[:, :2]], axis=1))
    boxes = from_deltas(np.concatenate(priors), t["boxes"], (1, 1), LOG_CLIP)
    return all_pairs(boxes, sigmoid(t["scores"]))


def blazeface(t: Roles, net: Net) -> Results:
    boxes, scores = [], []
    for level, (stride, count) in enumerate(((8, 2), (16, 6))):
        points = np.repeat(cells(net, stride, 0.5), count, axis=0)
        raw = t[f"boxes_{level}"]
        boxes.append(corners(np.concatenate([raw[:, :2] + points, raw[:, 2:4]], axis=1)))
        scores.append(sigmoid(t[f"scores_{level}"]))
    return argmax(np.concatenate(boxes), np.concatenate(scores))


def rows_of(role: str, box: int, score: int, label: int, *, unit: bool = False, first: int = 0) -> Reference:
    """One tensor of finished rows; `unit` boxes are fractions of the input."""

    def post(t: Roles, net: Net) -> Results:
        rows = t[role].reshape(-1, t[role].shape[-1])
        rows = rows[: int(t["num"].ravel()[0])] if "num" in t else rows
        boxes = rows[:, box : box + 4]
        return Results(rows[:, label] - first, rows[:, score], normalized(boxes, net) if unit else boxes)

    return post


def ultralytics_rtdetr(t: Roles, net: Net) -> Results:
    rows = t["output"]
    return Results(rows[:, 5], rows[:, 4], corners(normalized(rows[:, :4], net)))


def ultralytics_rtdetr_old(t: Roles, net: Net) -> Results:
    return argmax(corners(normalized(t["output"][:, :4], net)), t["output"][:, 4:])


def rtmdet(t: Roles, net: Net) -> Results:
    return Results(t["labels"], t["rows"][:, 4], t["rows"][:, :4])


def detr_rows(t: Roles, net: Net) -> Results:
    return Results(t["labels"], t["scores"], t["boxes"])


def four_outputs(*, swap: bool = False, unit: bool = False, first: int = 0) -> Reference:
    """num, boxes, scores, classes; `swap` where y comes before x."""

    def post(t: Roles, net: Net) -> Results:
        n = int(t["num"].ravel()[0])
        boxes = t["boxes"][:n][:, [1, 0, 3, 2]] if swap else t["boxes"][:n]
        return Results(t["classes"][:n] - first, t["scores"][:n], normalized(boxes, net) if unit else boxes)

    return post


def detectnet(t: Roles, net: Net) -> Results:
    coverage, boxes = t["coverage"], t["boxes"]
    c, y, x = np.indices(coverage.shape).reshape(3, -1)
    gx, gy = (x * 16 + 0.5) / 35, (y * 16 + 0.5) / 35
    x1, y1, x2, y2 = (boxes[4 * c + side, y, x] for side in range(4))
    edges = np.stack([(x1 - gx) * -35, (y1 - gy) * -35, (x2 + gx) * 35, (y2 + gy) * 35], axis=1)
    return Results(c, coverage.ravel(), edges)


def centernet(t: Roles, net: Net) -> Results:
    heat = sigmoid(t["heat"])
    padded = np.pad(heat, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    _, rows, columns = heat.shape
    around = np.stack([padded[:, dy : dy + rows, dx : dx + columns] for dy in range(3) for dx in range(3)])
    c, y, x = np.indices(heat.shape).reshape(3, -1)
    flat = np.where(heat == around.max(axis=0), heat, 0).astype(np.float32).ravel()
    order = np.argsort(-flat, kind="stable")[:100]
    c, y, x = c[order], y[order], x[order]
    cx, cy = (x + t["offset"][0, y, x]) * 4, (y + t["offset"][1, y, x]) * 4
    w, h = t["size"][:, y, x] * 4
    return Results(c, flat[order], np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1))


V4_ANCHORS = [[12, 16, 19, 36, 40, 28], [36, 75, 76, 55, 72, 146], [142, 110, 192, 243, 459, 401]]
V3_ANCHORS = [[116, 90, 156, 198, 373, 326], [30, 61, 62, 45, 59, 119], [10, 13, 16, 30, 33, 23]]

REFERENCES: dict[str, Reference] = {
    "batched-nms": four_outputs(unit=True),
    "blazeface": blazeface,
    "centerface": centerface,
    "centernet": centernet,
    "damo-yolo": edges_and_scores,
    "deepstream-yolo-dense": nms_rows,
    "deformable-detr": focal(100),
    "deta": focal(10000),
    "detectnet": detectnet,
    "detr": detr,
    "detr-rows": detr_rows,
    "efficient-nms": four_outputs(),
    "efficientdet": four_outputs(swap=True),
    "fcos": fcos,
    "grounding-dino": best_query_class,
    "nanodet": nanodet,
    "nms-rows": nms_rows,
    "nms-trt": rows_of("rows", 3, 2, 1, unit=True),
    "omdet-turbo": focal(None),
    "owlv2": best_query_class,
    "owlvit": best_query_class,
    "paddle-rows": rows_of("rows", 2, 1, 0),
    "picodet": picodet,
    "pp-doclayout": focal(None),
    "pp-yoloe": pp_yoloe,
    "pp-yoloe-post": pp_yoloe_post,
    "retinanet": retinanet,
    "rf-detr": focal(None),
    "rf-detr-roboflow": focal(None),
    "rt-detr": focal(None),
    "rtmdet": rtmdet,
    "rtmdet-raw": rtmdet_raw,
    "ssd-rows": rows_of("rows", 3, 2, 1, unit=True, first=1),
    "ssd-tf": ssd_tf,
    "ssd-torchvision": ssd_torchvision,
    "ssdlite-torchvision": ssdlite_torchvision,
    "tao-detr": focal(None),
    "tf-detections": four_outputs(swap=True, unit=True, first=1),
    "ultralytics-rtdetr": ultralytics_rtdetr,
    "ultralytics-rtdetr-old": ultralytics_rtdetr_old,
    "yolo-nas": edges_and_scores,
    "yolov3-raw": darknet((32, 16, 8), V3_ANCHORS, (1.0, 1.0, 1.0)),
    "yolov4-boxes": yolov4_boxes,
    "yolov4-raw": darknet((8, 16, 32), V4_ANCHORS, (1.2, 1.1, 1.05)),
    "yolov5": with_objectness,
    "yolov6": constant_objectness,
    "yolov7-one-class": yolov7_one_class,
    "yolov7-raw": yolov7_raw,
    "yolov8": yolov8,
    "yolox": with_objectness,
    "yolox-raw": yolox_raw,
}
KEEPS_EQUAL = {"blazeface", "detectnet", "pp-doclayout", "yolox", "yolox-raw"}


def finish(results: Results, net: Net, thresholds: Array, keeps_equal: bool) -> Results:
    """What nvinfer should get: over threshold, a class that exists, finite, cut to the input, not empty."""
    known = (results.classes >= 0) & (results.classes < net.classes)
    classes = np.where(known, results.classes, 0).astype(int)
    limit = thresholds[classes]
    above = (results.scores >= limit) if keeps_equal else (results.scores > limit)
    keep = known & above & np.isfinite(results.scores) & np.isfinite(results.boxes).all(axis=1)
    boxes = np.clip(results.boxes[keep], 0, np.array([net.width, net.height] * 2, float))
    area = (boxes[:, 2] - boxes[:, 0] > 1e-3) & (boxes[:, 3] - boxes[:, 1] > 1e-3)
    return Results(classes[keep][area], results.scores[keep][area], boxes[area])
