"""How TensorRT 8.5 to 11 words a failure: one pattern per failure, for recovery and for diagnosis.

Each is a regular expression for one line, with at most one group: the name of what failed. Many of these lines also
stand in logs of builds that end well (a builder drops kernels that do not fit).
"""

from __future__ import annotations

__all__ = [
    "FOREIGN_NODE",
    "GPU_MEMORY",
    "MISSING_OPERATOR",
    "NOT_PARSED",
    "NO_KERNEL",
    "OTHER_GPU",
    "OTHER_VERSION",
    "STATIC_MODEL",
    "WORKSPACE",
]

FOREIGN_NODE = r"Could not find any implementation for node \{?(?P<node>ForeignNode\[[^\n}]{1,400}\])"
NO_KERNEL = (
    r"Could not find any implementation for node (?!\{?ForeignNode\[)"
    r"\{?(?P<node>[^\n}]{1,400}?)(?:\}|\.[) ]| due to |\.?$)"
)
WORKSPACE = r"(?i:insufficient workspace|increas(?:e|ing) (?:the )?workspace|insuff?icient memory on requested size)"
GPU_MEMORY = (
    r"OutOfMemory|Cuda Runtime \(out of memory\)|Cuda failure: out of memory|cudaErrorMemoryAllocation|CUDA error 2 |"
    r"CUDA_ERROR_OUT_OF_MEMORY|GPU memory \(\d+ bytes\) could not be allocated|Requested amount of GPU memory"
)
# By the parser of 8.6 to 11, by that of 8.5, and where a plugin was looked for in vain.
MISSING_OPERATOR = (
    r"(?:No importer registered for op: |Plugin not found.{0,200}?name: |could not find plugin:? )"
    r"(?P<op>[A-Za-z0-9_]{1,100})"
)
NOT_PARSED = r"(?i:failed to parse onnx (?:file|model))|Parsing model failed"
STATIC_MODEL = r"Static model does not take explicit shapes"
OTHER_VERSION = (
    r"Version tag does not match|not compatible with this version of TensorRT|Serialized Engine Version|"
    r"kPLAN_MAGIC_TAG|stdVersionRead == |Serialization assertion .{1,200} failed"
)
OTHER_GPU = (
    r"generated on an incompatible device|[Uu]sing an engine plan file across different models of devices|"
    r"(?:expecting|expected) compute [^\n]{1,80}"
)
