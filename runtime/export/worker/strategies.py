"""What a graph computes, by the strategies and quirks that presets name: the model, and the module that is exported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from unittest import mock

import torch
import transformers
from torch import Tensor, nn

from .numerics import Tensors

__all__ = ["STRATEGIES", "Subject", "apply_quirk"]

Request: TypeAlias = dict[str, Any]


@dataclass
class Subject:
    """module: pixels [N, C, H, W] to the outputs in the order of the request. reference: the same from the untouched
    model with its own forward, by role."""

    module: nn.Module
    reference: Callable[[Tensor], Tensors]


def heads(request: Request) -> Subject:
    """Detectors whose only input is the image."""
    model = _load(transformers.AutoModelForObjectDetection, request)
    names = [item["of"] for item in request["outputs"].values()]

    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
            found = self.model(pixel_values=pixels)
            return tuple(getattr(found, name) for name in names)

    def reference(pixels: Tensor) -> Tensors:
        found = model(pixel_values=pixels)
        return {role: getattr(found, item["of"]).numpy() for role, item in request["outputs"].items()}

    return Subject(Heads().eval(), reference)


def last_layer(request: Request) -> Subject:
    """PP-DocLayoutV2: it sorts queries for an order of reading that nobody here asks for, with operators that ONNX
    lacks."""
    model = _load(transformers.AutoModelForObjectDetection, request)

    class LastLayer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
            found = self.model.model(pixel_values=pixels)
            return found.intermediate_logits[:, -1], found.intermediate_reference_points[:, -1]

    def reference(pixels: Tensor) -> Tensors:
        found = model(pixel_values=pixels)
        return {"scores": found.logits.numpy(), "boxes": found.pred_boxes.numpy()}

    return Subject(LastLayer().eval(), reference)


def frozen_text(request: Request) -> Subject:
    """OWL-ViT and OWLv2: a class is a text, whose embedding becomes a constant."""
    model = _load(transformers.AutoModelForZeroShotObjectDetection, request)
    length = model.config.text_config.max_position_embeddings
    tokens = _tokenizer(request)(
        request["prompts"], padding="max_length", truncation=True, max_length=length, return_tensors="pt"
    )
    texts = {"input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"]}
    height, width = request["input"]["shape"][1:]
    side = model.config.vision_config.image_size
    resized = (height, width) != (side, side)

    class FrozenText(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            found = model(pixel_values=torch.zeros(1, 3, height, width), interpolate_pos_encoding=resized, **texts)
            self.register_buffer("texts", found.text_embeds.reshape(1, len(request["prompts"]), -1).detach())

        def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
            batch = pixels.shape[0]
            grid = self.model.image_embedder(pixels, interpolate_pos_encoding=resized)[0]
            features = grid.reshape(batch, -1, grid.shape[-1])
            known: Any = self.texts
            mask = torch.ones(batch, known.shape[1], dtype=torch.long)
            logits = self.model.class_predictor(features, known.expand(batch, -1, -1), mask)[0]
            return logits, self.model.box_predictor(features, grid, resized)

    def reference(pixels: Tensor) -> Tensors:
        repeated = {name: value.repeat(len(pixels), 1) for name, value in texts.items()}
        found = model(pixel_values=pixels, interpolate_pos_encoding=resized, **repeated)
        return {"scores": found.logits.numpy(), "boxes": found.pred_boxes.numpy()}

    with torch.no_grad():
        return Subject(FrozenText().eval(), reference)


def frozen_prompt(request: Request) -> Subject:
    """Grounding DINO: one text names all classes. A class's score is the best of its words' tokens."""
    model = _load(transformers.AutoModelForZeroShotObjectDetection, request)
    text = ". ".join(prompt.strip().lower() for prompt in request["prompts"]) + "."
    tokens = _tokenizer(request)(text, return_tensors="pt")["input_ids"]
    special = model.model.special_tokens
    columns = _phrases(tokens[0].tolist(), {int(token) for token in special}, request["prompts"])
    if tokens.shape[1] > model.config.max_text_len:
        raise ValueError(f"the prompts have {tokens.shape[1]} tokens, the model takes {model.config.max_text_len}")
    modeling = sys.modules[type(model.model).__module__]
    name = "generate_masks_with_special_tokens_and_transfer_map"
    # Which tokens belong together is worked out with operators that ONNX lacks; for one prompt it is constant.
    masks = getattr(modeling, name)(tokens, special_tokens=special)

    def by_class(logits: Tensor) -> Tensor:
        return torch.stack([logits[..., places].amax(-1) for places in columns], dim=-1)

    class FrozenPrompt(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.register_buffer("tokens", tokens)

        def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
            batch = pixels.shape[0]
            known: Any = self.tokens
            expanded = [part.expand(batch, *part.shape[1:]) for part in masks]
            with mock.patch.object(modeling, name, return_value=expanded):
                found = self.model(pixel_values=pixels, input_ids=known.expand(batch, -1))
            return by_class(found.logits), found.pred_boxes

    def reference(pixels: Tensor) -> Tensors:
        found = model(pixel_values=pixels, input_ids=tokens.expand(len(pixels), -1))
        return {"scores": by_class(found.logits).numpy(), "boxes": found.pred_boxes.numpy()}

    return Subject(FrozenPrompt().eval(), reference)


def frozen_classes(request: Request) -> Subject:
    """OmDet-Turbo: texts of the classes and of a task that names them all, each through the language model once."""
    model = _load(transformers.AutoModelForZeroShotObjectDetection, request)
    prompts = request["prompts"]
    options = {"padding": "max_length", "truncation": True, "return_tensors": "pt"}
    options["max_length"] = model.config.text_config.max_position_embeddings
    classes = _tokenizer(request)(prompts, **options)
    task = _tokenizer(request)([f"Detect {', '.join(prompts)}."], **options)
    texts = {
        "classes_input_ids": classes["input_ids"],
        "classes_attention_mask": classes["attention_mask"],
        "tasks_input_ids": task["input_ids"],
        "tasks_attention_mask": task["attention_mask"],
        "classes_structure": torch.tensor([len(prompts)]),
    }
    modeling = sys.modules[type(model).__module__]

    def length(value: Any) -> Any:
        """The batch as tracing follows it: `len` is the number that it was traced with."""
        return value.shape[0] if isinstance(value, Tensor) else len(value)

    class FrozenClasses(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            # [class, 1, C], [token, 1, C], [1, token]
            self.known = [part.detach() for part in model.get_language_embedding(**texts)]

        def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
            batch = pixels.shape[0]
            by_class, by_token, mask = self.known
            known = by_class.expand(-1, batch, -1), by_token.expand(-1, batch, -1), mask.expand(batch, -1)
            with (
                mock.patch.object(self.model, "get_language_embedding", return_value=known),
                mock.patch.object(modeling, "len", length, create=True),
            ):
                found = self.model(pixel_values=pixels, **texts)
            return found.decoder_class_logits, found.decoder_coord_logits

    def reference(pixels: Tensor) -> Tensors:
        repeated = {name: value.repeat(len(pixels), *[1] * (value.ndim - 1)) for name, value in texts.items()}
        found = model(pixel_values=pixels, **repeated)
        return {"scores": found.decoder_class_logits.numpy(), "boxes": found.decoder_coord_logits.numpy()}

    with torch.no_grad():
        return Subject(FrozenClasses().eval(), reference)


STRATEGIES: dict[str, Callable[[Request], Subject]] = {
    "heads": heads,
    "last-layer": last_layer,
    "frozen-text": frozen_text,
    "frozen-prompt": frozen_prompt,
    "frozen-classes": frozen_classes,
}


def apply_quirk(name: str, subject: Subject, pixels: Tensor) -> None:
    """Change the exported module as a preset says. pixels: one image of the network's size."""
    _QUIRKS[name](subject, pixels)


def _fix_positions(subject: Subject, pixels: Tensor) -> None:
    """Position embeddings become what they are at this size, for exporters that cannot resize as the model does."""
    modules = [
        module
        for module in subject.module.modules()
        if hasattr(module, "interpolate_pos_encoding") and hasattr(module, "position_embeddings")
    ]
    if not modules:
        raise LookupError("no module has position embeddings to fix")
    seen: dict[int, Tensor] = {}
    for module in modules:
        original = module.interpolate_pos_encoding

        def record(*words: Any, _module: Any = module, _original: Any = original, **named: Any) -> Tensor:
            result: Tensor = _original(*words, **named)
            seen[id(_module)] = result.detach().clone()
            return result

        module.interpolate_pos_encoding = record
    subject.module(pixels)
    for module in modules:
        fixed = seen[id(module)]
        module.interpolate_pos_encoding = lambda *words, _fixed=fixed, **named: _fixed


_QUIRKS: dict[str, Callable[[Subject, Tensor], None]] = {"fixed-position-embeddings": _fix_positions}


def _load(kind: Any, request: Request) -> Any:
    """The model in float32 with all of its weights; no code of the checkpoint runs, and no pickle is unpacked."""
    model, info = kind.from_pretrained(
        request["checkpoint"],
        dtype=torch.float32,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=request["safetensors"],
        weights_only=True,
        output_loading_info=True,
    )
    counters = ("num_batches_tracked", "relative_position_index", "position_ids")
    missing = sorted(key for key in info["missing_keys"] if not key.endswith(counters))
    if missing or info["mismatched_keys"]:
        odd = [*missing, *(str(item[0] if isinstance(item, tuple) else item) for item in info["mismatched_keys"])]
        raise ValueError(f"the checkpoint lacks {len(odd)} of the model's weights, such as {odd[0]}")
    return model.eval()


def _tokenizer(request: Request) -> Any:
    return transformers.AutoTokenizer.from_pretrained(
        request["checkpoint"], local_files_only=True, trust_remote_code=False
    )


def _phrases(tokens: list[int], special: set[int], prompts: list[str]) -> list[list[int]]:
    """Places of each prompt's tokens: those between two special ones."""
    runs: list[list[int]] = [[]]
    for place, token in enumerate(tokens):
        if token not in special:
            runs[-1].append(place)
        elif runs[-1]:
            runs.append([])
    found = [run for run in runs if run]
    if len(found) != len(prompts):
        raise ValueError(f"the tokenizer makes {len(found)} phrases of {len(prompts)} prompts; write them without . ?")
    return found
