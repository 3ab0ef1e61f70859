"""dsimport: a compiler from one YAML recipe per detection model to NVIDIA DeepStream artifacts."""

from dsimport._version import VERSION as __version__

__all__ = ["__version__"]
