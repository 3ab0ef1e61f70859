"""Imported first: lets transformers and timm import torchvision, whose own operators are compiled for one build of
torch and missing beside another. No backbone uses any."""

from __future__ import annotations

import sys
from types import ModuleType

sys.modules.setdefault("torchvision._meta_registrations", ModuleType("torchvision._meta_registrations"))
