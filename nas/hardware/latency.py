"""Measured latency in ONNX Runtime: the truth about speed, corrected for what else the machine does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

from nas.errors import EvaluationError
from nas.hardware.effort import DEFAULT_EFFORT, Effort
from nas.hardware.reference import ANCHOR_QUANTILE, reference_network

_ANCHOR_WARM_UP = 10
_ANCHOR_RUNS = 50
_QUANTISED = ("QuantizeLinear", "QLinear", "ConvInteger", "MatMulInteger")

RUNTIME = f"onnxruntime {ort.__version__} CPU"
"""Name and version of the runtime of this machine."""


@dataclass(frozen=True)
class Latency:
    """Batch-1 latency of a network.

    Attributes:
        p50_ms: Drift-corrected median, milliseconds.
        p95_ms: Drift-corrected 95th percentile, milliseconds.
        spread: Interquartile range divided by the median; above about 0.2 the machine was busy.
        runs: Measured runs, warm-up not counted.
        threads: Threads of the runtime.
        reference_ms: Median of the reference network during the measurement, milliseconds.
        raw_p50_ms: Median as measured, without correction, milliseconds.
        runtime: Name and version of the runtime.
        precision: ``"int8"`` if the graph holds quantised operators or QDQ pairs, else ``"fp32"``.
    """

    p50_ms: float
    p95_ms: float
    spread: float
    runs: int
    threads: int
    reference_ms: float
    raw_p50_ms: float
    runtime: str
    precision: str = "fp32"


class LatencyMeter:
    """Measures networks one after another on a machine that is not always equally fast.

    Every run stands between two runs of one small fixed network. The ratio of both is what is kept, times
    the time that the fixed network takes on the quiet machine. So other load slows both and cancels.
    With one thread the clock is that thread's own, which stands still while other programs have the core.

    Args:
        threads: Threads of the runtime.
        anchor_ms: The fixed network's milliseconds on the quiet machine, where an earlier meter of the same
            run has settled them: latencies of all slices then stand on one scale. Measured if None.
    """

    def __init__(self, threads: int = 1, anchor_ms: float | None = None) -> None:
        self.threads = threads
        self._clock = time.thread_time if threads == 1 else time.perf_counter
        self._reference = make_session(reference_network(), threads)
        self._reference_feed = _feed(self._reference, 0)
        self._anchor_ms = anchor_ms

    def measure(self, model: bytes | Path, resolution: int) -> Latency:
        """Measures one network at batch 1.

        Args:
            model: An ONNX file or its bytes; one input, float32 NCHW or uint8 NHWC.
            resolution: Side of the input in pixels.

        Raises:
            EvaluationError: If the runtime refuses the network.
        """
        times, references = self.samples(model, resolution)
        anchor = self.anchor()
        corrected = times / references * anchor
        low, middle, high, slow = np.percentile(corrected, [25, 50, 75, 95])
        return Latency(
            p50_ms=float(middle),
            p95_ms=float(slow),
            spread=float((high - low) / middle),
            runs=len(times),
            threads=self.threads,
            reference_ms=float(np.median(references)),
            raw_p50_ms=float(np.median(times)),
            runtime=RUNTIME,
            precision=precision_of(model),
        )

    def samples(
        self, model: bytes | Path, resolution: int, effort: Effort = DEFAULT_EFFORT
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns (runs,) milliseconds of a network and (runs,) of the reference network around each run.

        Args:
            model: As for `measure`.
            resolution: Side of the input in pixels.
            effort: How often to run it.

        Raises:
            EvaluationError: If the runtime refuses the network.
        """
        try:
            session = make_session(model, self.threads)
            feed = _feed(session, resolution)
            time.sleep(effort.settle_seconds)
            self.anchor()
            return self._interleave(session, feed, effort)
        except ort_errors() as error:
            raise EvaluationError(f"ONNX Runtime cannot run this network: {error}") from error

    def anchor(self) -> float:
        """Returns the reference network's milliseconds on the quiet machine, settled at the first use."""
        if self._anchor_ms is None:
            for _ in range(_ANCHOR_WARM_UP):
                _run_ms(self._reference, self._reference_feed, self._clock)
            times = [_run_ms(self._reference, self._reference_feed, self._clock) for _ in range(_ANCHOR_RUNS)]
            self._anchor_ms = float(np.quantile(times, ANCHOR_QUANTILE))
        return self._anchor_ms

    def _interleave(
        self, session: ort.InferenceSession, feed: dict[str, np.ndarray], effort: Effort
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns (runs,) milliseconds of the network and of the reference around each of its runs."""
        for _ in range(effort.warm_up):
            _run_ms(session, feed, self._clock)
        times: list[float] = []
        references = [self._reference_ms()]
        started = time.monotonic()
        while len(times) < effort.most:
            elapsed = time.monotonic() - started
            enough = len(times) >= effort.fewest and elapsed > effort.seconds
            if enough or (len(times) >= effort.least and elapsed > effort.longest_seconds):
                break
            times.append(_run_ms(session, feed, self._clock))
            references.append(self._reference_ms())
        around = np.asarray(references)
        return np.asarray(times), (around[:-1] + around[1:]) / 2

    def _reference_ms(self) -> float:
        """Times the reference network, after a run that brings it back into the cache.

        Without that run a large network, which empties the cache, made the reference up to 1.5 times slower
        and so looked faster than it is.
        """
        _run_ms(self._reference, self._reference_feed, self._clock)
        return _run_ms(self._reference, self._reference_feed, self._clock)


def latency_by_threads(model: bytes | Path, resolution: int, threads: Sequence[int]) -> dict[int, Latency]:
    """Measures one network with several numbers of threads.

    Returns:
        Number of threads -> its latency, each with a reference of as many threads.

    Raises:
        EvaluationError: If the runtime refuses the network.
    """
    return {count: LatencyMeter(count).measure(model, resolution) for count in threads}


def precision_of(model: bytes | Path) -> str:
    """Returns ``"int8"`` if a graph holds quantised operators, ``"fp32"`` if not."""
    loaded = onnx.load_from_string(model) if isinstance(model, bytes) else onnx.load(str(model))
    quantised = any(node.op_type.startswith(_QUANTISED) for node in loaded.graph.node)
    return "int8" if quantised else "fp32"


def make_session(model: bytes | Path, threads: int = 1) -> ort.InferenceSession:
    """Opens a network in ONNX Runtime on the CPU, with denormals flushed and no spinning threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def ort_errors() -> tuple[type[Exception], ...]:
    """Returns the exceptions by which ONNX Runtime refuses a network or an input."""
    names = ["Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented"]
    state = ort.capi.onnxruntime_pybind11_state
    return (*(getattr(state, name) for name in names), RuntimeError)


def _feed(session: ort.InferenceSession, resolution: int) -> dict[str, np.ndarray]:
    """Returns a random batch-1 input of the network; its own fixed size where it has one."""
    wanted = session.get_inputs()[0]
    rng = np.random.default_rng(0)
    if wanted.type == "tensor(uint8)":
        image: np.ndarray = rng.integers(0, 256, (1, resolution, resolution, 3), dtype=np.uint8)
        return {wanted.name: image}
    side = wanted.shape[-1] if isinstance(wanted.shape[-1], int) else resolution
    return {wanted.name: rng.standard_normal((1, 3, side, side)).astype(np.float32)}


def _run_ms(session: ort.InferenceSession, feed: dict[str, np.ndarray], clock: Callable[[], float]) -> float:
    started = clock()
    session.run(None, feed)
    return (clock() - started) * 1000.0
