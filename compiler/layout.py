"""Where everything of a model lies: the seed's folders and fixed file names, root-relative. Their one home."""

from __future__ import annotations

from dataclasses import dataclass

from dsimport.compiler.plan import Hole, Text, joined

__all__ = ["CHARTS", "FOLDERS", "MAX_BATCH", "RUN1_STREAMS", "RUN2_RETRY_STREAMS", "RUN2_STREAMS", "Layout"]

MAX_BATCH = Hole(value="max_batch")
RUN1_STREAMS = Hole(value="run1.streams")
RUN2_STREAMS = Hole(value="run2.streams")
RUN2_RETRY_STREAMS = Hole(value="run2_retry.streams")

FOLDERS = (
    "model",
    "parser",
    "config",
    "scripts",
    "benchmarks/engines",
    "benchmarks/b1",
    "benchmarks/ds",
    "reports/charts",
    "samples/kitti_output",
)

CHARTS = (
    "chart_trtexec_bs1_vs_bsmax.png",
    "chart_trtexec_throughput.png",
    "chart_ds_streams_vs_fps.png",
    "chart_trt_vs_ds.png",
    "chart_efficiency.png",
)


@dataclass(frozen=True)
class Layout:
    """Paths of one model, as properties and methods; `n` is a number or a `Hole`."""

    name: str

    @property
    def home(self) -> str:
        return f"models/{self.name}"

    def at(self, *parts: str | int | Hole) -> Text:
        """`home/` + parts joined to one path text; holes stay holes."""
        return joined([f"{self.home}/", *(part if isinstance(part, Hole) else str(part) for part in parts)])

    def parser(self, *name: str) -> str:
        """The parser's folder, or a file in it."""
        return "/".join((self.home, "parser", *name))

    @property
    def source_folder(self) -> str:
        return f"{self.home}/model/source/"

    @property
    def source_onnx(self) -> str:
        return f"{self.home}/model/source/{self.name}.onnx"

    @property
    def onnx(self) -> str:
        return f"{self.home}/model/{self.name}.onnx"

    @property
    def labels(self) -> str:
        return f"{self.home}/config/labels.txt"

    @property
    def nvinfer_config(self) -> str:
        return f"{self.home}/config/config_infer_primary_{self.name}.txt"

    @property
    def nvinfer_bench_config(self) -> str:
        return f"{self.home}/benchmarks/ds/config_infer_primary_{self.name}.txt"

    @property
    def app_kitti_config(self) -> str:
        return f"{self.home}/config/deepstream_app_kitti_{self.name}.txt"

    @property
    def app_visual_config(self) -> str:
        return f"{self.home}/config/deepstream_app_visual_{self.name}.txt"

    def app_run_config(self, run: str) -> str:
        return f"{self.home}/benchmarks/ds/deepstream_app_{run}.txt"

    @property
    def kitti_folder(self) -> str:
        return f"{self.home}/samples/kitti_output/"

    @property
    def verify_data(self) -> str:
        return f"{self.home}/reports/verify.json"

    @property
    def report_folder(self) -> str:
        return f"{self.home}/reports"

    @property
    def report_pdf(self) -> str:
        """Name of the PDF in the report's folder; the other documents are `benchmark_report.*`."""
        return f"benchmark_report_{self.name}.pdf"

    @property
    def timing_cache(self) -> str:
        return f"{self.home}/benchmarks/engines/timing.cache"

    def engine(self, n: int | Hole) -> Text:
        return self.at("benchmarks/engines/", f"{self.name}_dynamic_b", n, ".engine")

    def engine_log(self, n: int | Hole) -> Text:
        return self.at("benchmarks/engines/build_b", n, ".log")

    def bench_log(self, n: int) -> str:
        return f"{self.home}/benchmarks/b{n}/trtexec_b{n}.log"

    def run_log(self, streams: Hole, run: str) -> Text:
        return self.at("benchmarks/ds/ds_s", streams, f"_{run}.log")

    def script(self, step_id: str) -> str:
        return f"{self.home}/scripts/{step_id}.sh"
