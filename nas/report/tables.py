"""The tables of report.html: leaderboard, sealed test, compound scaling, all candidates."""

from __future__ import annotations

from typing import Any

from nas.report.html import Markup, el, join, table
from nas.report.sections import section
from nas.report.words import (
    FIDELITIES,
    PHASE_NAMES,
    SOURCES,
    count,
    duration,
    interval,
    kilobytes,
    megabytes,
    milliseconds,
    percent,
)


def badge(source: str) -> Markup:
    """Returns the source's mark (same colour and shape as in the chart) and its name."""
    name = SOURCES.get(source, source)
    return join(el("i", class_=f"mark {source.replace('_', '-')}", aria_hidden="true"), name)


def leaderboard(document: dict[str, Any]) -> Markup | None:
    """The front and every fully trained network, most accurate first: the chart as a table."""
    front, current = set(document["front"]), set(document["current"])
    shown = [
        one
        for one in document["candidates"]
        if one["metrics"] is not None
        and one["number"] in current
        and (one["number"] in front or one["fidelity"] != "short")
    ]
    if not shown:
        return None
    shown.sort(key=lambda one: (-one["metrics"]["accuracy"], one["metrics"]["latency_ms"]))
    numbers = {model["name"]: model["candidate"] for model in document["models"]}
    best = numbers.get(document["best"])
    rows = [_leaderboard_row(one, on_front=one["number"] in front, best=best) for one in shown]
    head = ["Network", "Source", "Training", "Accuracy", "95% interval", "Latency", "Parameters", "MACs"]
    return section(
        "Leaderboard",
        table(
            "Networks on the front and fully trained ones, by validation accuracy",
            [*head, "Size"],
            rows,
            numeric={3, 4, 5, 6, 7, 8},
            marked={index for index, one in enumerate(shown) if one["number"] == best},
        ),
        note="Accuracy is of validation images, the ones that the search was allowed to see. Networks whose "
        "intervals overlap cannot be told apart by it.",
    )


def device(document: dict[str, Any]) -> Markup | None:
    """What the networks of the leaderboard cost on the device that was searched for, the fastest first."""
    current = set(document["current"])
    shown = [
        one
        for one in document["candidates"]
        if one["number"] in current
        and one["metrics"] is not None
        and one["metrics"].get("device") is not None
        and (one["number"] in document["front"] or one["fidelity"] != "short")
    ]
    if not shown:
        return None
    shown.sort(key=lambda one: one["metrics"]["latency_ms"])
    head = ["Network", "Accuracy", "Latency there", "Latency here", "Energy", "Images per joule"]
    return section(
        f"The device: {shown[0]['metrics']['device']['name']}",
        table(
            "What each network costs on the device, for one image",
            [*head, "Activations", "Weights", "Fits"],
            [_device_row(one) for one in shown],
            numeric={1, 2, 3, 4, 5, 6, 7},
        ),
        note="Latency there is predicted, see docs/hardware.md; latency here is measured on the machine of "
        "the search. Energy and memory come from the device's profile where it has one.",
    )


def _device_row(one: dict[str, Any]) -> list[object]:
    metrics = one["metrics"]
    figures = metrics["device"]
    energy, per_joule = figures["energy_mj"], figures["images_per_joule"]
    return [
        one["label"],
        percent(metrics["accuracy"]),
        milliseconds(metrics["latency_ms"]),
        milliseconds(figures["here_ms"]),
        "" if energy is None else f"{energy:.3g} mJ",
        "" if per_joule is None else f"{per_joule:,.0f}",
        "" if figures["peak_sram_bytes"] is None else kilobytes(figures["peak_sram_bytes"]),
        "" if figures["size_bytes"] is None else kilobytes(figures["size_bytes"]),
        "yes" if not figures["broken_limits"] else "no: " + " ".join(figures["broken_limits"]),
    ]


def _leaderboard_row(one: dict[str, Any], *, on_front: bool, best: int | None) -> list[object]:
    metrics = one["metrics"]
    name = join(
        one["label"],
        el("span", "recommended", class_="chip") if one["number"] == best else None,
        el("span", "front", class_="chip outline") if on_front else None,
    )
    return [
        name,
        badge(one["source"]),
        FIDELITIES.get(one["fidelity"], one["fidelity"]).split()[0],
        percent(metrics["accuracy"]),
        interval(metrics["accuracy_low"], metrics["accuracy_high"]),
        milliseconds(metrics["latency_ms"]),
        count(metrics["n_params"]),
        count(metrics["macs"]),
        megabytes(metrics["size_bytes"]),
    ]


def sealed_test(document: dict[str, Any]) -> Markup | None:
    """Every exported model on the test part, with intervals drawn on one common scale."""
    results = sorted(document["test"], key=lambda result: -result["accuracy"])
    if not results:
        return None
    labels = {model["name"]: model.get("label", model["name"]) for model in document["models"]}
    candidates = {one["number"]: one for one in document["candidates"]}
    lowest = min(result["accuracy_low"] for result in results)
    highest = max(result["accuracy_high"] for result in results)
    rows: list[list[object]] = []
    for result in results:
        metrics = (candidates.get(result["candidate"]) or {}).get("metrics") or {}
        low, high = result["accuracy_low"], result["accuracy_high"]
        rows.append(
            [
                join(
                    labels.get(result["name"], result["name"]),
                    el("span", "recommended", class_="chip") if result["name"] == document["best"] else None,
                ),
                badge(result["source"]),
                percent(metrics.get("accuracy")),
                percent(result["accuracy"]),
                interval(low, high),
                _range(low, result["accuracy"], high, lowest, highest),
            ]
        )
    n_images = results[0]["n_images"]
    return section(
        "Sealed test",
        table(
            f"Exported models on {n_images} test images",
            ["Model", "Source", "Validation", "Test", "95% interval", "Interval"],
            rows,
            numeric={2, 3, 4},
            marked={i for i, result in enumerate(results) if result["name"] == document["best"]},
        ),
        note="The test images were opened once, after everything was decided. The recommendation was made "
        "on validation images before; no model was chosen by this table.",
    )


def _range(low: float, value: float, high: float, lowest: float, highest: float) -> Markup:
    span = max(highest - lowest, 1e-9)
    left, width, dot = ((low - lowest) / span, (high - low) / span, (value - lowest) / span)
    return el(
        "span",
        el("span", class_="reach", style=f"left:{100 * left:.1f}%;width:{100 * width:.1f}%"),
        el("span", class_="point", style=f"left:{100 * dot:.1f}%"),
        class_="range",
        aria_hidden="true",
    )


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def candidates(document: dict[str, Any]) -> Markup:
    """Everything that was tried, failures with their reasons, folded away."""
    rows: list[list[object]] = []
    for one in document["candidates"]:
        metrics = one["metrics"] or {}
        rows.append(
            [
                one["number"],
                one["label"],
                badge(one["source"]),
                PHASE_NAMES.get(one["phase"], one["phase"]),
                FIDELITIES.get(one["fidelity"], one["fidelity"]),
                percent(metrics.get("accuracy")) if metrics else (one["error"] or "failed"),
                milliseconds(metrics.get("latency_ms")),
                count(metrics.get("macs")),
                duration(one["seconds"]),
                one["details"].get("initialisation", "–"),
                _whole(one["details"].get("images_seen")),
                _whole(one["details"].get("images_per_second")),
                "" if one["refines"] is None else f"of {one['refines']}",
            ]
        )
    head = ["No.", "Network", "Source", "Phase", "Training", "Accuracy or reason", "Latency", "MACs", "Time"]
    content = table(
        "All networks in the order in which they were evaluated",
        [*head, "Start", "Images seen", "Images/s", "Goes on"],
        rows,
        numeric={6, 7, 8, 10, 11},
        marked={
            index for index, one in enumerate(document["candidates"]) if one["number"] in document["front"]
        },
    )
    failed = sum(one["status"] == "failed" for one in document["candidates"])
    summary = f"{len(rows)} networks, {failed} failed; those on the front are set off"
    return section("All networks", el("details", el("summary", summary), content))
