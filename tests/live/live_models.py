"""Tiny random-weight detectors of transformers: pixels [N, 3, H, W] to logits [N, Q, C] and boxes [N, Q, 4]."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
import transformers
from torch import Tensor, nn
from transformers.models.grounding_dino import modeling_grounding_dino as grounding_dino

__all__ = ["CLASSES", "DETECTORS", "Detector", "build"]

CLASSES = 6
LABELS = {"id2label": {i: f"thing {i}" for i in range(CLASSES)}, "label2id": {f"thing {i}": i for i in range(CLASSES)}}
CLASS_HEADS = ("class_labels_classifier", "class_embed", "enc_score_head")


class Heads(nn.Module):
    """The two tensors that an export keeps."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        found = self.model(pixel_values=pixels)
        return found.logits, found.pred_boxes


class FrozenText(nn.Module):
    """OWL-ViT or OWLv2 for text prompts that are part of the graph."""

    def __init__(self, model: Any, prompts: Tensor, size: tuple[int, int]) -> None:
        super().__init__()
        self.model = model
        with torch.no_grad():
            pixels = torch.zeros(1, 3, *size)
            found = model(input_ids=prompts, pixel_values=pixels, attention_mask=torch.ones_like(prompts))
        self.register_buffer("texts", found.text_embeds.reshape(1, len(prompts), -1))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        batch = pixels.shape[0]
        grid = self.model.image_embedder(pixels, interpolate_pos_encoding=False)[0]
        features = grid.reshape(batch, -1, grid.shape[-1])
        texts: Any = self.texts
        mask = torch.ones(batch, texts.shape[1], dtype=torch.long)
        logits = self.model.class_predictor(features, texts.expand(batch, -1, -1), mask)[0]
        return logits, self.model.box_predictor(features, grid, False)


class FrozenPrompt(nn.Module):
    """Grounding DINO for one prompt that is part of the graph; logits have a column per token."""

    def __init__(self, model: Any, tokens: Tensor) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("tokens", tokens)
        # Which tokens belong together is worked out with operators that ONNX lacks; for one prompt it is constant.
        self.phrases = grounding_dino.generate_masks_with_special_tokens_and_transfer_map(
            tokens, special_tokens=model.model.special_tokens
        )

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        batch = pixels.shape[0]
        tokens: Any = self.tokens
        phrases = [part.expand(batch, *part.shape[1:]) for part in self.phrases]
        name = "generate_masks_with_special_tokens_and_transfer_map"
        with mock.patch.object(grounding_dino, name, return_value=phrases):
            found = self.model(pixel_values=pixels, input_ids=tokens.expand(batch, -1))
        return found.logits, found.pred_boxes


def spread(model: nn.Module) -> nn.Module:
    """Weights that give distinct scores: as transformers initialises them, most scores of a detector are equal."""
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
                module.weight.fill_(1.0)
                module.bias.zero_()
            elif isinstance(module, (nn.Linear, nn.Conv2d)):
                head = isinstance(module, nn.Linear) and any(part in CLASS_HEADS for part in name.split("."))
                fan_in = module.weight[0].numel()
                module.weight.normal_(0.0, math.sqrt((9.0 if head else 1.6) / fan_in))
                if module.bias is not None:
                    module.bias.fill_(-1.0 if head else 0.0)
            if name.endswith("sampling_offsets"):
                module.weight.mul_(0.3)  # further out the sampling points leave the image, where all is zero
        for name, parameter in model.named_parameters():
            if name.endswith(("detection_tokens", "position_embeddings")):
                parameter.normal_(0.0, 0.5)  # zeros make every query of YOLOS the same
    return model.eval()


def resnet(*stages: int) -> Any:
    return transformers.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=[f"stage{stage}" for stage in stages],
    )


def rtdetr_resnet() -> Any:
    return transformers.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )


def hgnet() -> Any:
    return transformers.HGNetV2Config(
        stem_channels=[3, 8, 8],
        stage_in_channels=[8, 8, 16, 24],
        stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[8, 16, 24, 32],
        stage_num_blocks=[1, 1, 1, 1],
        stage_numb_of_layers=[1, 1, 1, 1],
        hidden_sizes=[8, 16, 24, 32],
        embedding_size=8,
        depths=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"],
    )


ENCODER_DECODER: dict[str, Any] = {
    "num_queries": 30,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    **LABELS,
}


def detr_like(kind: str, *stages: int, **settings: Any) -> nn.Module:
    """`kind`: the prefix of transformers' class names."""
    config = getattr(transformers, f"{kind}Config")
    model = getattr(transformers, f"{kind}ForObjectDetection")
    return Heads(spread(model(config(backbone_config=resnet(*stages), **ENCODER_DECODER, **settings))))


def rtdetr_like(kind: str, backbone: Any, **settings: Any) -> nn.Module:
    config = getattr(transformers, f"{kind}Config")
    model = getattr(transformers, f"{kind}ForObjectDetection")
    common: dict[str, Any] = ENCODER_DECODER | {
        "encoder_hidden_dim": 32,
        "encoder_in_channels": [16, 24, 32],
        "d_model": 32,
        "decoder_in_channels": [32, 32, 32],
        "num_denoising": 0,
        "hidden_expansion": 0.5,
    }
    return Heads(spread(model(config(backbone_config=backbone, **(common | settings)))))


def yolos() -> nn.Module:
    config = transformers.YolosConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=32,
        image_size=[64, 96],
        num_detection_tokens=30,
        **LABELS,
    )
    return Heads(spread(transformers.YolosForObjectDetection(config)))


def lw_detr() -> nn.Module:
    backbone = transformers.LwDetrViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=64,
        pretrain_image_size=64,
        patch_size=16,
        num_windows=4,
        window_block_indices=[0],
        out_indices=[1, 2],
    )
    config = transformers.LwDetrConfig(
        backbone_config=backbone,
        projector_scale_factors=[1.0],
        d_model=32,
        decoder_ffn_dim=32,
        decoder_layers=2,
        decoder_self_attention_heads=4,
        decoder_cross_attention_heads=4,
        num_queries=16,
        group_detr=2,
        **LABELS,
    )
    return Heads(spread(transformers.LwDetrForObjectDetection(config)))


def rf_detr() -> nn.Module:
    backbone = transformers.RfDetrDinov2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=64,
        patch_size=16,
        num_windows=2,
        out_indices=[1, 2],
    )
    config = transformers.RfDetrConfig(
        backbone_config=backbone,
        d_model=32,
        decoder_ffn_dim=32,
        decoder_layers=2,
        decoder_self_attention_heads=4,
        decoder_cross_attention_heads=4,
        num_queries=16,
        group_detr=2,
        **LABELS,
    )
    model = transformers.RfDetrForObjectDetection(config)
    for module in model.modules():
        if hasattr(module, "interpolate_pos_encoding") and hasattr(module, "position_embeddings"):
            # ONNX has no antialiased bicubic resize; at the size it was made for the embedding needs none.
            module.interpolate_pos_encoding = types.MethodType(lambda self, *_: self.position_embeddings, module)
    return Heads(spread(model))


def owl(kind: str) -> nn.Module:
    text = {
        "vocab_size": 50,
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "bos_token_id": 48,
        "eos_token_id": 49,
    }
    vision = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 96,
        "patch_size": 16,
    }
    config = getattr(transformers, f"{kind}Config")(text_config=text, vision_config=vision, projection_dim=32)
    model = spread(getattr(transformers, f"{kind}ForObjectDetection")(config))
    prompts = torch.randint(1, 48, (CLASSES, 16))
    prompts[:, -1] = 49
    return FrozenText(model, prompts, (96, 96))


def grounding() -> nn.Module:
    backbone = transformers.SwinConfig(
        image_size=96,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=2,
        out_features=["stage2", "stage3", "stage4"],
    )
    text = transformers.BertConfig(
        vocab_size=1100,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    settings: dict[str, Any] = {key: value for key, value in ENCODER_DECODER.items() if key not in LABELS}
    config = transformers.GroundingDinoConfig(
        backbone_config=backbone, text_config=text, d_model=32, max_text_len=24, **settings
    )
    model = spread(transformers.GroundingDinoForObjectDetection(config))
    start, stop, end = 101, 1012, 102  # special tokens; a prompt is "a b. c. d e."
    return FrozenPrompt(model, torch.tensor([[start, 300, 301, stop, 302, stop, 303, 304, stop, end]]))


@dataclass(frozen=True)
class Detector:
    """height, width: of the input, pixels. columns: values per query in logits."""

    name: str
    family: str
    make: Callable[[], nn.Module]
    height: int = 64
    width: int = 96
    queries: int = 30
    columns: int = CLASSES


def _detectors() -> tuple[Detector, ...]:
    small: dict[str, Any] = {"d_model": 32}
    return (
        Detector("detr", "detr", lambda: detr_like("Detr", 4, **small), columns=CLASSES + 1),
        Detector("table-transformer", "detr", lambda: detr_like("TableTransformer", 4, **small), columns=CLASSES + 1),
        Detector("yolos", "detr", yolos, columns=CLASSES + 1),
        Detector("conditional_detr", "deformable-detr", lambda: detr_like("ConditionalDetr", 4, **small)),
        # Its fourth level has a 64th of the size; one row of cells comes out of the exporter wrong, by 0.9 in logits.
        Detector(
            "deformable_detr",
            "deformable-detr",
            lambda: detr_like("DeformableDetr", 2, 3, 4, **small),
            height=96,
            width=128,
        ),
        Detector("dab-detr", "deformable-detr", lambda: detr_like("DabDetr", 4, hidden_size=32)),
        Detector("lw_detr", "deformable-detr", lw_detr, width=64, queries=16),
        Detector("rt_detr", "rt-detr", lambda: rtdetr_like("RTDetr", rtdetr_resnet())),
        Detector("rt_detr_v2", "rt-detr", lambda: rtdetr_like("RTDetrV2", rtdetr_resnet())),
        Detector("d_fine", "rt-detr", lambda: rtdetr_like("DFine", hgnet())),
        Detector("deimv2", "rt-detr", lambda: rtdetr_like("Deimv2", hgnet())),
        Detector("rf_detr", "rf-detr", rf_detr, width=64, queries=16),
        Detector("owlvit", "owlvit", lambda: owl("OwlViT"), height=96, queries=36),
        Detector("owlv2", "owlv2", lambda: owl("Owlv2"), height=96, queries=36),
        Detector("grounding-dino", "grounding-dino", grounding, height=96, width=128, columns=24),
    )


DETECTORS = _detectors()


def build(detector: Detector) -> nn.Module:
    """The detector with the same random weights every time, ready to be exported."""
    torch.manual_seed(0)
    # An exporter restores the mode of the outermost module everywhere: that one has to be told, too.
    return detector.make().eval()
