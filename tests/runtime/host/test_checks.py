"""What the checks say about hosts of every kind."""

from __future__ import annotations

import pytest
from host_support import MadeUp

from dsimport.runtime.host.checks import CHECKS, Finding, Status, run_checks

L4 = "NVIDIA L4, 595.58.03, 23034, 8.9"


def whole(made: MadeUp) -> None:
    """Everything that DeepStream 9.1 needs."""
    made.gpu(L4)
    made.tensorrt()
    made.deepstream()
    made.file("/usr/local/cuda/version.json", '{"cuda": {"name": "CUDA SDK", "version": "13.2.1"}}')


def found(made: MadeUp, *only: str, toolchain: str = "deepstream") -> dict[str, Finding]:
    return {item.id: item for item in run_checks(made.host, [toolchain], only)}  # type: ignore[list-item]


def test_a_whole_host_lacks_nothing(made: MadeUp) -> None:
    whole(made)
    checks = found(made)
    assert [item.id for item in checks.values() if item.status is Status.MISSING] == []
    assert [item.id for item in checks.values() if item.status is Status.WARN] == []
    assert checks["gpu"].found == "NVIDIA L4 (22.5 GiB)"
    assert checks["driver"].found == "595.58.03"
    assert checks["capability"].found == "8.9"
    assert checks["cuda"].found == "toolkit 13.2.1, driver takes up to 13.2"
    assert checks["trtexec"].found == f"10.16.0 ({made.bin}/trtexec)"
    assert checks["tensorrt"].found == "both 10.16.0"
    assert checks["deepstream"].found == "9.1.0 with TensorRT 10.16"
    assert checks["nvdec"].found == "4 engines; no published number of streams"


def test_an_empty_host_lacks_what_the_toolchain_needs(made: MadeUp) -> None:
    made.says("ldconfig", "0 libs found")
    made.program("gst-inspect-1.0", "exit 1")
    checks = found(made)
    missing = {item.id for item in checks.values() if item.status is Status.MISSING}
    assert missing == {"driver", "gpu", "trtexec", "libnvinfer", "deepstream", "inference elements"}
    assert all(item.fix for item in checks.values() if item.status in (Status.MISSING, Status.WARN))
    reference = found(made, toolchain="reference")
    assert [item.id for item in reference.values() if item.status is Status.MISSING] == []
    assert reference["gpu"].status is Status.ABSENT


def test_a_driver_that_is_not_loaded_is_named(made: MadeUp) -> None:
    said = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
    made.says("nvidia-smi", said, exit_code=9)
    check = found(made, "driver")["driver"]
    assert (check.status, check.found) == (Status.MISSING, said)
    assert "--gpus all" in check.fix


def test_a_program_that_hangs_is_not_waited_for(made: MadeUp) -> None:
    made.program("nvidia-smi", "exec sleep 60")
    made.host.timeout_s = 0.2
    assert found(made, "driver")["driver"].found == "nvidia-smi does not end"


def test_an_older_driver_knows_no_compute_capability(made: MadeUp) -> None:
    made.gpu("Tesla T4, 470.82.01, 15109", old=True)
    checks = found(made, "gpu", "capability", "nvdec", "nvenc")
    assert checks["gpu"].found == "Tesla T4 (14.8 GiB)"
    assert checks["capability"].status is Status.ABSENT
    assert checks["nvdec"].found == "2 engines, about 38 H.264 streams of 1080p30 (published by NVIDIA, not measured)"


def test_several_gpus(made: MadeUp) -> None:
    row = "NVIDIA A100-SXM4-40GB, 535.104.05, 40960, 8.0"
    made.gpu(f"{row}\n{row}")
    checks = found(made, "gpu", "capability", "nvenc", "nvdec")
    assert checks["gpu"].found == "NVIDIA A100-SXM4-40GB (40.0 GiB) x 2"
    assert checks["capability"].status is Status.OK
    assert (checks["nvenc"].status, checks["nvenc"].found) == (Status.WARN, "NVIDIA A100-SXM4-40GB has no encoder")
    assert "75 H.264 streams of 1080p30, 157 H.265 streams" in checks["nvdec"].found


def test_gpus_of_different_kinds_need_a_choice(made: MadeUp) -> None:
    made.gpu(f"{L4}\nTesla T4, 595.58.03, 15109, 7.5")
    check = found(made, "capability")["capability"]
    assert check.status is Status.WARN
    assert "CUDA_VISIBLE_DEVICES" in check.fix


def test_a_toolkit_newer_than_the_driver(made: MadeUp) -> None:
    made.gpu(L4, driver="535.104.05", cuda="12.2")
    made.says("nvcc", "Cuda compilation tools, release 13.2, V13.2.51")
    check = found(made, "cuda")["cuda"]
    assert (check.status, check.found) == (
        Status.WARN,
        "toolkit 13.2, driver takes up to 12.2: CUDA 13.2 is newer than the driver takes",
    )


def test_trtexec_of_another_tensorrt_is_noticed(made: MadeUp) -> None:
    made.tensorrt(tool="101401", library="10.16.0")
    check = found(made, "tensorrt")["tensorrt"]
    assert check.status is Status.WARN
    assert "trtexec is TensorRT 10.14.1, DeepStream loads 10.16.0" in check.found


def test_the_library_that_deepstream_loads_counts(made: MadeUp) -> None:
    made.tensorrt(library="10.16.0")
    made.file("/opt/nvidia/deepstream/deepstream/lib/libnvds_infer.so")
    made.file("/opt/trt/libnvinfer.so.10.9.0")
    made.says("ldd", "\tlibnvinfer.so.10 => /opt/trt/libnvinfer.so.10.9.0 (0x00007f)")
    assert found(made, "libnvinfer")["libnvinfer"].found == "10.9.0"


def test_trtexec_that_is_not_on_path_is_pointed_at(made: MadeUp) -> None:
    made.file("/usr/src/tensorrt/bin/trtexec")
    check = found(made, "trtexec")["trtexec"]
    assert check.status is Status.MISSING
    assert check.fix == "export PATH=$PATH:/usr/src/tensorrt/bin"


def test_missing_elements_are_named(made: MadeUp) -> None:
    made.gpu(L4)
    made.deepstream(elements="nvinfer nvstreammux nvv4l2decoder nvvideoconvert theoraenc oggmux")
    checks = found(made)
    assert (checks["inference elements"].status, checks["inference elements"].found) == (
        Status.MISSING,
        "without nvdsosd",
    )
    assert checks["NVENC element"].status is Status.WARN
    assert checks["theora fallback"].status is Status.OK


def test_a_deepstream_that_does_not_start(made: MadeUp) -> None:
    made.says("deepstream-app", "error while loading shared libraries: libcuda.so.1: cannot open", exit_code=127)
    check = found(made, "deepstream")["deepstream"]
    assert check.status is Status.WARN
    assert "libcuda.so.1" in check.found


@pytest.mark.parametrize(
    ("model", "encoder", "streams"),
    [
        ("NVIDIA Jetson AGX Orin Developer Kit", Status.OK, 22),
        ("NVIDIA Jetson Orin NX Engineering Reference Developer Kit", Status.OK, 18),
        ("NVIDIA Jetson Orin Nano Developer Kit", Status.WARN, 11),
    ],
)
def test_a_jetson_needs_no_nvidia_smi(model: str, encoder: Status, streams: int, made: MadeUp) -> None:
    made.file(
        "/etc/nv_tegra_release", "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64\n"
    )
    made.file("/proc/device-tree/model", f"{model}\0")
    made.tensorrt()
    made.deepstream()
    checks = found(made)
    assert [item.id for item in checks.values() if item.status is Status.MISSING] == []
    assert checks["jetson"].found == f"{model}, Jetson Linux 36.4.3"
    assert checks["gpu"].found == model
    assert checks["capability"].found == "8.7"
    assert checks["nvenc"].status is encoder
    assert f"{streams} H.265 streams" in checks["nvdec"].found


def test_this_host_is_really_looked_at(made: MadeUp) -> None:
    checks = found(made, "g++", "make", "timeout", "python", "disk", "system", toolchain="reference")
    assert {item.status for item in checks.values()} <= {Status.OK, Status.WARN}
    assert "/usr/bin/make" in checks["make"].found


def test_ids_are_unique_and_what_is_needed_has_a_fix() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert [check.id for check in CHECKS if check.needed and not check.fix and check.id != "python"] == []
