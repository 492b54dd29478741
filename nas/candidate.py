"""A candidate of a run: an architecture, how far it was trained and what was measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from nas.architecture import Architecture, architecture_from_json, architecture_to_json

Phase = Literal["first_model", "baselines", "base_search", "scaling", "final_training", "export"]
PHASES: tuple[Phase, ...] = (
    "first_model",
    "baselines",
    "base_search",
    "scaling",
    "final_training",
    "export",
)

Source = Literal["first_model", "baseline", "base_search", "scaled"]
"""Where the architecture comes from; it stays the same when it is trained further."""

HERE = "here"
"""Name of this machine as the place where the model will run."""

Precision = Literal["fp32", "int8"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
"""What networks of a search are judged as."""

Fidelity = Literal["frozen", "short", "final"]
Status = Literal["finished", "failed"]


@dataclass(frozen=True)
class DeviceFigures:
    """What a network costs on the device that was searched for, where that is not this machine.

    Attributes:
        name: The device.
        how: `"table"`: latency predicted from measured blocks; `"profile"`: all from an analytic model;
            `"scaled"`: measured here, times the ratio of the two machines' reference networks.
        here_ms: Median batch-1 latency on this machine, ONNX Runtime, one thread, milliseconds.
        energy_mj: Millijoules an image; None where only a profile could tell.
        images_per_joule: 1000 / `energy_mj`.
        peak_sram_bytes: Most bytes of activations alive at a time.
        size_bytes: Bytes of weights at the device's precision.
        broken_limits: A sentence for each hard limit of the device that the network exceeds.
    """

    name: str
    how: Literal["table", "profile", "scaled"]
    here_ms: float
    energy_mj: float | None = None
    images_per_joule: float | None = None
    peak_sram_bytes: int | None = None
    size_bytes: int | None = None
    broken_limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class FloatFigures:
    """What a network that is judged after quantisation does before it, in 32-bit floats.

    Attributes:
        accuracy: Top-1 on the validation part, fraction in [0, 1].
        latency_ms: Median batch-1 latency on this machine, ONNX Runtime, one thread, milliseconds.
        size_bytes: Size of the fp32 ONNX graph in bytes.
    """

    accuracy: float
    latency_ms: float
    size_bytes: int


@dataclass(frozen=True)
class Metrics:
    """What was measured on validation data and in the runtime; never on the test part.

    Attributes:
        accuracy: Top-1 on the validation part, fraction in [0, 1].
        accuracy_low: Lower end of the 95% Wilson interval.
        accuracy_high: Upper end of the 95% Wilson interval.
        latency_ms: Batch-1 latency where the network will run, milliseconds: the median measured here in ONNX
            Runtime with one thread, or what `device` predicts.
        latency_p95_ms: 95th percentile of what was measured here, milliseconds.
        n_params: Number of parameters.
        macs: Multiply-accumulates of one image.
        size_bytes: Size of the ONNX graph in bytes.
        device: Figures of the device that was searched for; None if it is this machine.
        unquantised: The same network in fp32, where accuracy, latency and size are those of its int8 graph;
            None where they are those of fp32.
    """

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    latency_ms: float
    latency_p95_ms: float
    n_params: int
    macs: int
    size_bytes: int
    device: DeviceFigures | None = None
    unquantised: FloatFigures | None = None

    @property
    def here_ms(self) -> float:
        """Median latency on this machine in milliseconds, whatever device was searched for."""
        return self.latency_ms if self.device is None else self.device.here_ms

    @property
    def float_ms(self) -> float:
        """Median latency of the fp32 graph on this machine in milliseconds, also where int8 was judged."""
        return self.here_ms if self.unquantised is None else self.unquantised.latency_ms

    @property
    def fits(self) -> bool:
        """False if the network exceeds a hard limit of the device that was searched for."""
        return self.device is None or not self.device.broken_limits

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Metrics:
        """Rebuilds metrics from the JSON of a candidate."""
        device = data.get("device")
        if device is not None:
            device = DeviceFigures(**{**device, "broken_limits": tuple(device["broken_limits"])})
        unquantised = data.get("unquantised")
        if unquantised is not None:
            unquantised = FloatFigures(**unquantised)
        return cls(**{**data, "device": device, "unquantised": unquantised})


@dataclass(frozen=True)
class Candidate:
    """One evaluated network.

    Attributes:
        number: Unique within the run, counted from 0 without gaps.
        phase: Phase in which it was evaluated.
        source: Origin of its architecture.
        fidelity: How it was trained: frozen features, short training, final training.
        status: ``"failed"`` candidates carry `error` and no metrics.
        label: Short name for people, e.g. ``"Lite0 · 128 px"``.
        architecture: What was built.
        seconds: Wall-clock seconds spent on it, failures included.
        choices: Indices into the space's decisions, when a strategy proposed it.
        metrics: Measurements, None if failed.
        refines: Number of the candidate whose architecture is trained further here.
        inherited_from: Number of the candidate whose weights were inherited; None for ImageNet or scratch.
        weights: Path of the safetensors file, relative to the run's work directory.
        error: Why it failed, one plain sentence.
        details: Anything further for the expert (epochs, images seen, initialisation, phi, ...).
    """

    number: int
    phase: Phase
    source: Source
    fidelity: Fidelity
    status: Status
    label: str
    architecture: Architecture
    seconds: float
    choices: tuple[int, ...] | None = None
    metrics: Metrics | None = None
    refines: int | None = None
    inherited_from: int | None = None
    weights: str | None = None
    error: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON-ready dict; `from_json` is its inverse."""
        data = dict(vars(self))
        data["architecture"] = architecture_to_json(self.architecture)
        data["choices"] = None if self.choices is None else list(self.choices)
        data["metrics"] = None if self.metrics is None else asdict(self.metrics)
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Candidate:
        """Rebuilds a candidate from `to_json`."""
        fields = dict(data)
        fields["architecture"] = architecture_from_json(fields["architecture"])
        if fields.get("choices") is not None:
            fields["choices"] = tuple(fields["choices"])
        if fields.get("metrics") is not None:
            fields["metrics"] = Metrics.from_json(fields["metrics"])
        return cls(**fields)
