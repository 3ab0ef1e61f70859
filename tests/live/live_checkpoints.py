"""`python live_checkpoints.py FOLDER NAME...`: random-weight detectors as checkpoint folders, as the hub has them.

Runs in the export environment with its transformers-5 in front, in a process of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from live_models import DETECTORS, Detector, build

__all__ = ["PROMPTS", "main"]

# Letters of the tiny vocabulary only.
PROMPTS = ("hat", "red robot", "lamp", "parrot", "old boat", "rock")
_IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
_CLIP = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
_NORMALISED = {"detr": _IMAGENET, "deformable-detr": _IMAGENET, "rf-detr": _IMAGENET, "grounding-dino": _IMAGENET}
_NORMALISED |= {"owlvit": _CLIP, "owlv2": _CLIP}


def main(words: list[str]) -> int:
    """Write the named checkpoints, all for no name, each into a folder of its own."""
    folder, names = Path(words[0]), words[1:]
    for detector in DETECTORS:
        if not names or detector.name in names:
            write(detector, folder / detector.name)
    return 0


def write(detector: Detector, folder: Path) -> None:
    """config.json, weights, preprocessor_config.json, and a tokenizer for models with text."""
    model: Any = build(detector).model
    model.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    # As transformers 4 writes it; version 5 has no such keys, and version 4 takes their absence for a timm backbone.
    if config.get("backbone_config"):
        config |= {"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None}
    put(folder / "config.json", config)
    processor: dict[str, Any] = {
        "do_resize": True,
        "size": {"height": detector.height, "width": detector.width},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": detector.family in _NORMALISED,
        "do_pad": False,
        "resample": 2,
        **_NORMALISED.get(detector.family, {}),
    }
    put(folder / "preprocessor_config.json", processor)
    if detector.family in ("owlvit", "owlv2"):
        clip_tokenizer(folder)
    elif detector.family == "grounding-dino":
        bert_tokenizer(folder)


def clip_tokenizer(folder: Path) -> None:
    """One token per letter, 50 in all; the last one ends a text."""
    letters = "abcdehiklmnoprst"
    names = ["!", *letters, *(f"{letter}</w>" for letter in letters)]
    names += [f"<unused {number}>" for number in range(len(names), 48)]
    put(folder / "vocab.json", {name: place for place, name in enumerate([*names, "<|startoftext|>", "<|endoftext|>"])})
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    ends = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    put(folder / "tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer", "pad_token": "!", **ends})


def bert_tokenizer(folder: Path) -> None:
    """The special tokens where Grounding DINO wants them, and one token per word."""
    names = [f"[unused{place}]" for place in range(1100)]
    names[0], names[100:103], names[1012], names[1029] = "[PAD]", ["[UNK]", "[CLS]", "[SEP]"], ".", "?"
    words = sorted({word for prompt in PROMPTS for word in prompt.split()})
    names[300 : 300 + len(words)] = words
    (folder / "vocab.txt").write_text("".join(f"{name}\n" for name in names), "utf-8")
    put(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True})


def put(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
