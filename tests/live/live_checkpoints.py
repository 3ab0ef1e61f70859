"""`python live_checkpoints.py FOLDER NAME...`: random-weight detectors as checkpoint folders, as the hub has them.

Runs in the export environment with its transformers-5 in front, in a process of its own.
"""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import live_backbones  # noqa: F401
import numpy as np
import torch
import transformers
from live_cases import NORMALISED, PROMPTS, SQUARE, Case, case_of
from live_models import (
    CLASSES,
    DETECTORS,
    ENCODER_DECODER,
    Detector,
    Heads,
    build,
    grounding,
    hgnet,
    rtdetr_like,
    spread,
)
from torch import nn

__all__ = ["main"]

LENGTH = 16  # tokens of a text of the tiny OWL models
TOKENS = 77  # of a text of OmDet-Turbo
IMAGES = 3


def main(words: list[str]) -> int:
    """Write the named checkpoints, all for no name, each into a folder of its own with its results beside it."""
    folder, names = Path(words[0]), words[1:]
    torch.set_num_threads(1)
    for detector in (*DETECTORS, *MORE):
        if not names or detector.name in names:
            case = case_of(detector.name)
            model = write(detector, case, folder / detector.name)
            results(case, model, folder / f"{case.name}.npz")
            if side := SQUARE.get(case.name):
                square = replace(case, height=side, width=side)
                # Of the images of seed 2, one has candidates 7e-7 apart where D-FINE cuts off the list of its queries.
                results(square, model, folder / f"{case.name}-square.npz", seed=4)
    return 0


def write(detector: Detector, case: Case, folder: Path) -> nn.Module:
    """config.json, weights, preprocessor_config.json, and a tokenizer for models with text. Returns what gives the
    results: pixels to logits and boxes."""
    made = build(detector)
    model: Any = made.model
    model.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    # As transformers 4 writes it; version 5 has no such keys, and version 4 takes their absence for a timm backbone.
    if detector is TIMM_DETR:
        del config["backbone_config"]
        config |= TIMM_KEYS
    elif config.get("backbone_config"):
        config |= {"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None}
    put(folder / "config.json", config)
    mean, std = NORMALISED.get(detector.family, (None, None))
    processor: dict[str, Any] = {
        "do_resize": True,
        "size": case.size,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": mean is not None,
        "do_pad": detector.family == "owlv2",
        "resample": 2,
        **({} if mean is None else {"image_mean": mean, "image_std": std}),
    }
    put(folder / "preprocessor_config.json", processor)
    if detector.family == "omdet-turbo":
        clip_tokenizer(folder)
        return Tasked(model, transformers.AutoTokenizer.from_pretrained(folder)).eval()
    if detector.family in ("owlvit", "owlv2"):
        return Prompted(model, clip_tokenizer(folder)).eval()
    if detector.family == "grounding-dino":
        return Prompted(model, bert_tokenizer(folder)).eval()
    return made


class Prompted(nn.Module):
    """The whole model, text and all, with the same prompts for every image."""

    def __init__(self, model: nn.Module, tokens: torch.Tensor) -> None:
        super().__init__()
        self.model, self.tokens = model, tokens

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = self.tokens.repeat(len(pixels), 1)
        found = self.model(pixel_values=pixels, input_ids=tokens, attention_mask=(tokens > 0).long())
        return found.logits, found.pred_boxes


class Tasked(nn.Module):
    """OmDet-Turbo, with texts of its own for every image: the classes, and the task as its processor words it."""

    def __init__(self, model: nn.Module, tokenizer: Any) -> None:
        super().__init__()
        self.model = model
        options = {"padding": "max_length", "max_length": TOKENS, "return_tensors": "pt"}
        self.classes = tokenizer(list(PROMPTS), **options)
        self.task = tokenizer([f"Detect {', '.join(PROMPTS)}."], **options)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        images = len(pixels)
        found = self.model(
            pixel_values=pixels,
            classes_input_ids=self.classes["input_ids"].repeat(images, 1),
            classes_attention_mask=self.classes["attention_mask"].repeat(images, 1),
            tasks_input_ids=self.task["input_ids"].repeat(images, 1),
            tasks_attention_mask=self.task["attention_mask"].repeat(images, 1),
            classes_structure=torch.tensor([len(PROMPTS)] * images),
        )
        return found.decoder_class_logits, found.decoder_coord_logits


def omdet_turbo() -> nn.Module:
    """With a backbone of transformers, whose features have no layer norm of their own there: that is timm's."""
    width, words = 32, 48  # the model does not run where these are the same
    parts: Any = grounding().model
    text = transformers.CLIPTextConfig(
        vocab_size=50,
        hidden_size=words,
        intermediate_size=words,
        num_hidden_layers=1,
        num_attention_heads=4,
        max_position_embeddings=TOKENS,
        bos_token_id=48,
        eos_token_id=49,
    )
    widths: dict[str, Any] = dict.fromkeys(("encoder_hidden_dim", "encoder_dim_feedforward"), width)
    widths |= dict.fromkeys(("decoder_hidden_dim", "decoder_dim_feedforward"), width)
    widths |= dict.fromkeys(("text_projection_in_dim", "text_projection_out_dim", "class_embed_dim"), words)
    config = transformers.OmDetTurboConfig(
        backbone_config=parts.config.backbone_config,
        text_config=text,
        apply_layernorm_after_vision_backbone=False,
        num_queries=30,
        vision_features_channels=[width] * 3,
        encoder_in_channels=[16, 32, 64],
        encoder_attention_heads=4,
        decoder_num_heads=4,
        decoder_num_layers=2,
        disable_custom_kernels=True,
        task_encoder_hidden_dim=words,
        **widths,
    )
    return Whole(spread(transformers.OmDetTurboForObjectDetection(config)))


def pp_doclayout(version: int) -> nn.Module:
    """RT-DETR's parts, and an order of reading."""
    backbone: Any = hgnet()
    if version == 2:
        order = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        limits = {"class_thresholds": [0.5] * CLASSES, "class_order": list(range(CLASSES))}
        return rtdetr_like("PPDocLayoutV2", backbone, reading_order_config=order, **limits)
    backbone.out_features = [f"stage{stage}" for stage in range(1, 5)]
    masks = {"x4_feat_dim": 8, "mask_feature_channels": [8, 8], "num_prototypes": 4, "global_pointer_head_size": 8}
    return rtdetr_like("PPDocLayoutV3", backbone, **masks)


def mm_grounding() -> nn.Module:
    """The same tiny parts as Grounding DINO's, in the other model."""
    torch.manual_seed(0)
    parts: Any = grounding().model
    settings = {key: value for key, value in parts.config.to_dict().items() if key in SHARED}
    config = transformers.MMGroundingDinoConfig(
        backbone_config=parts.config.backbone_config, text_config=parts.config.text_config, **settings
    )
    return Whole(spread(transformers.MMGroundingDinoForObjectDetection(config)))


class Whole(nn.Module):
    """Holds a model, as the other detectors do."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model


SHARED = {"d_model", "max_text_len", *ENCODER_DECODER} - {"id2label", "label2id"}
MM_GROUNDING = Detector("mm-grounding-dino", "grounding-dino", mm_grounding, height=96, width=128, columns=24)


def timm_detr() -> nn.Module:
    """DETR with the smallest ResNet of timm."""
    config = transformers.DetrConfig(
        backbone_config=transformers.TimmBackboneConfig(backbone="resnet18", out_indices=[1, 2, 3, 4]),
        d_model=32,
        **ENCODER_DECODER,
    )
    return Heads(spread(transformers.DetrForObjectDetection(config)))


TIMM_DETR = Detector("detr-timm", "detr", timm_detr, columns=CLASSES + 1)
MORE = (
    MM_GROUNDING,
    TIMM_DETR,
    Detector("omdet-turbo", "omdet-turbo", omdet_turbo, height=96, width=128),
    Detector("pp_doclayout_v2", "pp-doclayout", lambda: pp_doclayout(2)),
    Detector("pp_doclayout_v3", "pp-doclayout", lambda: pp_doclayout(3)),
)
TIMM_KEYS = {
    "backbone": "resnet18",
    "backbone_config": None,
    "backbone_kwargs": {"in_chans": 3, "out_indices": [1, 2, 3, 4]},
    "use_pretrained_backbone": True,
    "use_timm_backbone": True,
}


def results(case: Case, model: nn.Module, path: Path, seed: int = 2) -> None:
    """What the model computes, by code that knows nothing of exports: pixels, scores and boxes as one .npz file."""
    pixels = torch.rand(IMAGES, 3, case.height, case.width, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        scores, boxes = model(pixels)
    if case.family == "grounding-dino":  # a column per token; the first token is [CLS]
        ends = itertools.accumulate(len(prompt.split()) + 1 for prompt in PROMPTS)
        words = [(end - len(prompt.split()), end) for end, prompt in zip(ends, PROMPTS, strict=True)]
        scores = torch.stack([scores[..., first:last].amax(-1) for first, last in words], dim=-1)
    np.savez(path, pixels=pixels, scores=scores, boxes=boxes)


def clip_tokenizer(folder: Path) -> torch.Tensor:
    """One token per letter, 50 in all; the last one ends a text. Returns the prompts' tokens."""
    letters = "abcdehiklmnoprst"
    names = ["!", *letters, *(f"{letter}</w>" for letter in letters)]
    names += [f"<unused {number}>" for number in range(len(names), 48)]
    put(folder / "vocab.json", {name: place for place, name in enumerate([*names, "<|startoftext|>", "<|endoftext|>"])})
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    ends = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    put(folder / "tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer", "pad_token": "!", **ends})
    rows = []
    for prompt in PROMPTS:
        tokens = [names.index(f"{letter}</w>" if last else letter) for letter, last in letters_of(prompt)]
        rows.append(([48, *tokens, 49] + [0] * LENGTH)[:LENGTH])
    return torch.tensor(rows)


def letters_of(prompt: str) -> list[tuple[str, bool]]:
    """Its letters, and whether each ends a word."""
    return [(letter, place == len(word) - 1) for word in prompt.split() for place, letter in enumerate(word)]


def bert_tokenizer(folder: Path) -> torch.Tensor:
    """The special tokens where Grounding DINO wants them, and one token per word. Returns the prompt's tokens."""
    names = [f"[unused{place}]" for place in range(1100)]
    names[0], names[100:103], names[1012], names[1029] = "[PAD]", ["[UNK]", "[CLS]", "[SEP]"], ".", "?"
    words = sorted({word for prompt in PROMPTS for word in prompt.split()})
    names[300 : 300 + len(words)] = words
    (folder / "vocab.txt").write_text("".join(f"{name}\n" for name in names), "utf-8")
    put(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True})
    tokens = [[*(names.index(word) for word in prompt.split()), 1012] for prompt in PROMPTS]
    return torch.tensor([[101, *itertools.chain(*tokens), 102]])


def put(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
