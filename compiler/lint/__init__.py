"""Findings in configuration files of nvinfer and deepstream-app that somebody wrote by hand.

An error is what the vendor's program refuses or crashes on; a warning is what it silently ignores, or takes for
something else than the writer meant. Pure: whoever calls has read the files.
"""

from dsimport.compiler.lint.app import lint_app
from dsimport.compiler.lint.kinds import ConfigKind, kind_of
from dsimport.compiler.lint.labels import lint_labels
from dsimport.compiler.lint.nvinfer import lint_nvinfer
from dsimport.compiler.lint.text import ConfigText

__all__ = ["ConfigKind", "ConfigText", "kind_of", "lint_app", "lint_labels", "lint_nvinfer"]
