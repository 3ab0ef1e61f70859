"""Everything between a muxed frame and its objects: what the nvinfer element does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .console import BusError, Console
from .network import InitError, open_network
from .nvinfer_config import ELEMENT, NvinferConfig
from .parser_abi import Parser, ParserError, ParserFailed
from .postprocess import Postprocessor, effective_clustering, parse_labels
from .preprocess import PreprocessError, Preprocessor
from .session import SessionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Inferer"]


class Inferer:
    """An nvinfer element, ready to run. `parser` is to be closed at the end."""

    def __init__(self, config: NvinferConfig, size: tuple[int, int], console: Console, object_size: int | None) -> None:
        """size: width, height of the muxed frames. Raises BusError."""
        self.config = config
        if config.unique_id == 0:
            raise InitError("CONFIG_FAILED", "Unique ID not set", config=config.path)
        if not 1 <= config.batch_size <= 1024:
            raise InitError("CONFIG_FAILED", f"batch-size {config.batch_size} is not in [1,1024]", config=config.path)
        self.network = open_network(config, config.batch_size, console)
        self._size = size
        if config.cluster_mode == 0:
            console.err(
                "WARNING: cluster-mode is 0 or absent: nvinfer without OpenCV silently uses NMS with IoU 0.5 and topk "
                "20 for every class and ignores nms-iou-threshold and topk of [class-attrs-...]; set cluster-mode"
            )
        preprocessor = self.preprocessor()
        self.shape = preprocessor.shape
        self.finish = Postprocessor(config, preprocessor.geometry, size)
        self.labels = _read_labels(config)
        self.parser = self._open_parser(object_size)

    def preprocessor(self) -> Preprocessor:
        """A preprocessor of one thread's own. Raises InitError."""
        network = (self.network.channels, self.network.height, self.network.width)
        try:
            return Preprocessor(self.config, network, self._size)
        except PreprocessError as error:
            raise InitError("CONFIG_FAILED", str(error), config=self.config.path) from None

    def infer(self, batch: NDArray[Any]) -> list[list[NDArray[Any]]]:
        """Outputs of a muxed batch, in pieces of at most batch-size frames. Raises BusError."""
        size = self.config.batch_size
        try:
            return [self.network.run(batch[start : start + size]) for start in range(0, len(batch), size)]
        except SessionError as error:
            raise BusError(ELEMENT, "Failed to queue input batch for inferencing", str(error)) from None

    def objects(self, outputs: Sequence[NDArray[Any]], index: int) -> NDArray[Any]:
        """The frame's objects, in pixels of the muxed frame. Raises BusError."""
        try:
            found = self.parser.parse(outputs, index)
        except ParserFailed:
            raise BusError(
                ELEMENT,
                f"{self.config.parser_function} returned false",
                "nvinfer drops that status and reads objects that were never written: it crashes here",
            ) from None
        except ParserError as error:
            raise BusError(ELEMENT, "Failed to parse bboxes", str(error)) from None
        return self.finish(found)

    def _open_parser(self, object_size: int | None) -> Parser:
        config = self.config
        if not config.parser_function or not config.parser_library:
            missing = "parse-bbox-func-name" if not config.parser_function else "custom-lib-path"
            raise InitError(
                "CUSTOM_LIB_FAILED",
                f"{missing} is not set: the reference does not have the built-in resnet parser that nvinfer would use",
                config=config.path,
            )
        _, classes = effective_clustering(config)
        network = self.network
        try:
            return Parser(
                config.parser_library,
                config.parser_function,
                layers=[(layer.name, layer.data_type) for layer in network.layers],
                network=(network.width, network.height, network.channels),
                pre_thresholds=[params.pre_threshold for params in classes],
                post_thresholds=[params.post_threshold for params in classes],
                object_size=object_size,
            )
        except ParserError as error:
            raise InitError("CUSTOM_LIB_FAILED", str(error), config=config.path) from None


def _read_labels(config: NvinferConfig) -> tuple[str, ...]:
    if not config.labels_file:
        return ()
    try:
        return parse_labels(Path(config.labels_file).read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InitError("CONFIG_FAILED", f"Could not open labels file {config.labels_file}: {reason}",
                        config=config.path) from None  # fmt: skip
