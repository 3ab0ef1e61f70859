"""What compilers, pip, Python, the driver and the kernel say."""

from __future__ import annotations

from dsimport.compiler.diagnostics import Severity
from dsimport.runtime.diagnose.rule import Rule, rule

__all__ = ["HOST_RULES"]

_BUILD: tuple[Rule, ...] = (
    rule(
        "T0802",
        r"'(?:kFP16|kINT8)' is not a member of '(?:nvinfer1::)?BuilderFlag'|kEXPLICIT_BATCH' (?:is not|was not)"
        r"|IInt8Calibrator' (?:has not|in namespace|is not|was not)",
        "DeepStream's sources do not compile against TensorRT 11",
        "use the TensorRT 10 that this DeepStream was built for (`dsimport doctor RECIPE`)",
        cause="TensorRT 11 removed weak typing from its API",
    ),
    rule(
        "T0800",
        r"fatal error: (?P<header>(?:nvds|gstnvds|cuda)[\w./]*\.h|Nv(?:Infer|Onnx)\w*\.h): No such file",
        "the header {header} was not found",
        "set DEEPSTREAM_DIR and CUDA_VER for make; parsers of dsimport bring the headers that they use",
    ),
    rule(
        "T0800",
        r"CUDA_VER(?: is not set|:? parameter null or not set)|set the (?:environment )?(?:variable )?CUDA_VER",
        "the Makefile needs CUDA_VER",
        "call make with CUDA_VER of the installed CUDA (13.2 for DeepStream 9.1), or use the parser dsimport generates",
    ),
    rule(
        "T0801",
        r"cannot find -l(?P<library>\w+)",
        "the linker does not find lib{library}",
        "install the development package, or leave the library out: a parser needs neither TensorRT nor CUDA",
    ),
)

_PYTHON: tuple[Rule, ...] = (
    rule(
        "T0762",
        r"No module named '?pyservicemaker'?",
        "the Python module pyservicemaker is not installed in this environment",
        "pip install /opt/nvidia/deepstream/deepstream/service-maker/python/pyservicemaker*.whl into that environment",
        "dsimport itself does not need it",
    ),
    rule(
        "T0763",
        r"ModuleNotFoundError: No module named '(?P<module>(?!pyservicemaker')[\w.]+)'",
        "the Python module {module} is not installed in this environment",
        "install it into the environment that runs the step: pip install 'dsimport[all]' brings what dsimport uses",
    ),
    rule(
        "T0803",
        r"No matching distribution found for (?P<requirement>\S+)",
        "pip finds no {requirement} for this Python and platform",
        "use a Python version that the package supports, or another version of the package",
    ),
    rule(
        "T0803",
        r"externally-managed-environment",
        "pip refuses to change the system's own Python",
        "make a virtual environment: python3 -m venv build/.venv, then build/.venv/bin/pip install …",
    ),
    rule(
        "T0803",
        r"(?:Temporary failure in name resolution|Network is unreachable|Could not resolve host)",
        "the host cannot reach the network",
        "check name resolution and proxies (HTTPS_PROXY); what was fetched before stays",
    ),
)

_HOST: tuple[Rule, ...] = (
    rule(
        "T0727",
        r"CUDA driver version is insufficient for CUDA runtime version|CUDA initialization failure with error: 35",
        "the NVIDIA driver is older than the CUDA in use needs",
        "install a newer driver (DeepStream 9.1: 595 or newer); `dsimport doctor` shows both versions",
    ),
    rule(
        "T0726",
        r"no CUDA-capable device is detected|Could not get cuda device count"
        r"|CUDA initialization failure with error: 100|Failed to initialize NVML"
        r"|couldn't communicate with the NVIDIA driver",
        "no GPU can be used",
        "check `nvidia-smi`; in a container start with --gpus all; without a GPU use --toolchain reference",
    ),
    rule(
        "T0805",
        r"No space left on device|[Dd]isk quota exceeded",
        "the disk is full",
        "free some space, or put the root folder elsewhere (--root); apply goes on where it stopped",
    ),
    rule(
        "T0806",
        r"^Killed$|[Oo]ut of memory: Killed process|oom-kill|exit(?:ed with)?(?: code| status)? (?:137|-9)\b",
        "the kernel ended the program because the host's memory was used up",
        "lower engine.max_batch or engine.workspace, close other programs, or add memory or swap",
    ),
    rule(
        "T0807",
        r"Permission denied",
        "the user has no right to a file",
        "files made by root in a container are a usual cause: change their owner",
        severity=Severity.WARNING,
    ),
)

HOST_RULES = (*_BUILD, *_PYTHON, *_HOST)
