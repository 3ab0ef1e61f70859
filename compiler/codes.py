"""The one table of diagnostic codes: what `dsimport explain CODE` prints, and the rules of the SARIF output.

Groups by letter: R recipe text, N model and network, P plan and command line, A acquire, G gate, T tool, H host, S
state, C configuration files. The entries live in the files below, one block per code, sorted within a group, so that
additions made side by side merge.
"""

from __future__ import annotations

from dsimport.compiler.codedoc import CodeDoc
from dsimport.compiler.codes_acquire import ACQUIRE_CODES
from dsimport.compiler.codes_config import CONFIG_CODES
from dsimport.compiler.codes_export import EXPORT_CODES
from dsimport.compiler.codes_family import FAMILY_CODES
from dsimport.compiler.codes_figures import FIGURE_CODES
from dsimport.compiler.codes_logs import LOG_CODES
from dsimport.compiler.codes_model import MODEL_CODES
from dsimport.compiler.codes_recipe import RECIPE_CODES
from dsimport.compiler.codes_recognise import RECOGNISE_CODES
from dsimport.compiler.codes_runtime import RUNTIME_CODES

__all__ = ["CODES", "CodeDoc"]

CODES: dict[str, CodeDoc] = {
    **RECIPE_CODES,
    **MODEL_CODES,
    **ACQUIRE_CODES,
    **RECOGNISE_CODES,
    **CONFIG_CODES,
    **LOG_CODES,
    **FIGURE_CODES,
    **EXPORT_CODES,
    **FAMILY_CODES,
    **RUNTIME_CODES,
}
