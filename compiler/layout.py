"""Where everything of a model lies: the seed's folders and fixed file names, root-relative. Their one home."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dsimport.compiler.plan import Hole, Text, joined

__all__ = [
    "CHARTS",
    "FOLDERS",
    "MAX_BATCH",
    "RUN1_STREAMS",
    "RUN2_RETRY_STREAMS",
    "RUN2_STREAMS",
    "Layout",
    "SweepLayout",
]

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

    @cached_property
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
    def checkpoint_folder(self) -> str:
        return f"{self.home}/model/checkpoint/"

    @property
    def export_log(self) -> str:
        return f"{self.home}/model/export.log"

    @property
    def export_report(self) -> str:
        return f"{self.home}/model/export_report.json"

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
    def engines(self) -> str:
        return "benchmarks/engines"

    @property
    def check_data(self) -> str:
        return f"{self.home}/reports/tensorrt_check.json"

    @property
    def timing_cache(self) -> str:
        return f"{self.home}/benchmarks/engines/timing.cache"

    def engine(self, n: int | Hole) -> Text:
        return self.at(f"{self.engines}/{self.name}_dynamic_b", n, ".engine")

    def engine_sidecar(self, n: int | Hole) -> Text:
        return self.at(f"{self.engines}/{self.name}_dynamic_b", n, ".engine.json")

    def engine_log(self, n: int) -> str:
        return f"{self.home}/{self.engines}/build_b{n}.log"

    def attempt_log(self, n: int, attempt: int) -> str:
        """The log of the second and later attempts to build the engine of batch n."""
        return f"{self.home}/{self.engines}/build_b{n}.attempt{attempt}.log"

    @property
    def simplified_onnx(self) -> str:
        return f"{self.home}/{self.engines}/{self.name}_simplified.onnx"

    def bench_log(self, n: int) -> str:
        return f"{self.home}/benchmarks/b{n}/trtexec_b{n}.log"

    def peak_log(self, n: int) -> str:
        """The log of the throughput at batch n; at batch 1 not that of the latency, which is measured on its own."""
        return self.bench_log(n) if n > 1 else f"{self.home}/benchmarks/b1/trtexec_b1_peak.log"

    def run_log(self, streams: Hole, run: str) -> Text:
        return self.at("benchmarks/ds/ds_s", streams, f"_{run}.log")

    def script(self, step_id: str) -> str:
        return f"{self.home}/scripts/{step_id}.sh"


class SweepLayout(Layout):
    """The same for a sweep, whose engines and logs have a folder of their own: it measures batches that no apply
    builds, and must not touch those that one has. The timing cache is shared."""

    @property
    def folder(self) -> str:
        return f"{self.home}/benchmarks/sweep"

    @property
    def engines(self) -> str:
        return "benchmarks/sweep"

    def bench_log(self, n: int) -> str:
        return f"{self.folder}/trtexec_b{n}.log"

    def peak_log(self, n: int) -> str:
        return self.bench_log(n)

    def config(self, batch: int, streams: int) -> str:
        """The nvinfer configuration of one pipeline run."""
        return f"{self.folder}/config_infer_b{batch}_s{streams}.txt"

    def app_config(self, batch: int, streams: int) -> str:
        return f"{self.folder}/deepstream_app_b{batch}_s{streams}.txt"

    def pipeline_log(self, batch: int, streams: int) -> str:
        return f"{self.folder}/ds_b{batch}_s{streams}.log"

    @property
    def data(self) -> str:
        return f"{self.folder}/sweep.json"

    @property
    def chart(self) -> str:
        return f"{self.folder}/chart_sweep.png"
