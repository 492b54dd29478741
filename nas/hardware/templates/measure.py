#!/usr/bin/env python3
"""Measures how long the blocks of networks take on this device, and sends the times back.

    python measure.py --link LINK         measure and send; the page of the device shows the link
    python measure.py                     measure and write timings.json, to be uploaded on that page

Needs Python 3.9 or newer and:  pip install onnxruntime numpy
Close other programs first, plug the device in, and let it work alone until the end.
"""

import argparse
import json
import platform
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

try:
    import numpy as np
    import onnxruntime as ort
except ImportError as error:
    sys.exit(f"{error.name} is missing. Install what this script needs:  pip install onnxruntime numpy")

HERE = Path(__file__).resolve().parent
ANCHOR_WARM_UP, ANCHOR_RUNS, ANCHOR_QUANTILE = 10, 50, 0.2
CLOCK_STEPS = 10
"""A timed run should take at least so many steps of the clock; shorter ones are timed several at a time."""
TELL_SECONDS = 3.0
ATTEMPTS = 4


class Refused(Exception):
    """The server or this device cannot go on; the text says why and what to do."""


class Meter:
    """Times graphs, each run between two runs of one small fixed network, the reference.

    Their ratio is what counts in the end: other load and a warmer chip slow both. The reference runs once
    unseen before each timed run, because a large network leaves it outside the cache.
    """

    def __init__(self, reference, side, threads):
        # With one thread the clock is that thread's own: it stands still while other programs have the core.
        own = threads == 1 and time.get_clock_info("thread_time").resolution < 1e-5
        self.clock = time.thread_time if own else time.perf_counter
        self.step_ms = max(
            1000 * time.get_clock_info("thread_time" if own else "perf_counter").resolution, 1e-6
        )
        self.threads = threads
        self.reference = self.open(reference, side)
        for _ in range(ANCHOR_WARM_UP):
            self.reference()
        self.times = self.repeats(self.reference)
        anchors = [self.timed(self.reference, self.times) for _ in range(ANCHOR_RUNS)]
        self.anchor_ms = float(np.quantile(anchors, ANCHOR_QUANTILE))

    def open(self, graph, side):
        """Returns a function that runs a graph once on a random image."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        image = np.random.default_rng(0).standard_normal((1, 3, side, side)).astype(np.float32)
        feed = {session.get_inputs()[0].name: image}
        return lambda: session.run(None, feed)

    def samples(self, graph, side, effort):
        """Returns the milliseconds of each run of a graph, and of the reference around it."""
        run = self.open(graph, side)
        for _ in range(effort["warm_up"]):
            run()
        repeats = self.repeats(run)
        times, around = [], [self.reference_ms()]
        started = time.monotonic()
        while len(times) < effort["most"]:
            gone = time.monotonic() - started
            enough = len(times) >= effort["fewest"] and gone > effort["seconds"]
            if enough or (len(times) >= effort["least"] and gone > effort["longest_seconds"]):
                break
            times.append(self.timed(run, repeats))
            around.append(self.reference_ms())
        return times, [(before + after) / 2 for before, after in zip(around, around[1:])]

    def reference_ms(self):
        self.reference()
        return self.timed(self.reference, self.times)

    def timed(self, run, repeats):
        """Returns the milliseconds of one run: of several, divided by their number."""
        started = self.clock()
        for _ in range(repeats):
            run()
        return max(1000 * (self.clock() - started) / repeats, 1e-6)

    def repeats(self, run):
        """Returns how many runs take at least `CLOCK_STEPS` steps of the clock."""
        count = 1
        while count < 1024 and self.timed(run, count) * count < CLOCK_STEPS * self.step_ms:
            count *= 2
        return count


def measure(bundle, name, threads, seconds, tell):
    """Runs all graphs in rounds until the time is up and returns the content of timings.json."""
    try:
        plan = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"{bundle} holds no bundle. Unpack the whole archive again. ({error})") from error
    reference = plan["reference"]
    meter = Meter((bundle / reference["file"]).read_bytes(), reference["side"], threads)
    rows = [{"name": item["name"], "samples_ms": [], "reference_ms": []} for item in plan["items"]]
    seconds = plan["seconds"] if seconds is None else seconds
    started, longest = time.monotonic(), 0.0
    while not longest or time.monotonic() - started + longest <= seconds:
        round_started = time.monotonic()
        for number, (item, row) in enumerate(zip(plan["items"], rows), 1):
            effort = plan["efforts"]["network" if "network" in item else "block"]
            times, around = meter.samples((bundle / item["file"]).read_bytes(), item["side"], effort)
            row["samples_ms"] += times
            row["reference_ms"] += around
            so_far = time.monotonic() - round_started
            whole = expected(longest or so_far * len(rows) / number, seconds)
            gone = time.monotonic() - started
            tell(min(gone / whole, 1.0), max(whole - gone, 0.0))
        longest = max(longest, time.monotonic() - round_started)
    return {
        "format": "nas-block-timings",
        "version": 1,
        "bundle": plan["fingerprint"],
        "device": {
            "name": name,
            "hardware": hardware()[:200],
            "runtime": f"onnxruntime {ort.__version__} CPU",
            "threads": threads,
        },
        "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "anchor_ms": meter.anchor_ms,
        "items": [{**row, **thinned(row, plan["most_samples"])} for row in rows],
    }


def expected(length, seconds):
    """Returns how long all rounds take if one takes `length` seconds: at least one, and what else fits."""
    return max(1, seconds // length) * length


def thinned(row, most):
    """Returns at most `most` runs of a graph, evenly spread, five digits each: longer files are refused."""
    count = len(row["samples_ms"])
    sent = min(count, most)
    kept = [index * count // sent for index in range(sent)]
    return {
        key: [float(f"{row[key][index]:.5g}") for index in kept] for key in ("samples_ms", "reference_ms")
    }


def hardware():
    """Returns what the processor or the board is called."""
    for path, mark in (("/proc/device-tree/model", ""), ("/proc/cpuinfo", "model name")):
        try:
            text = Path(path).read_text(encoding="utf-8", errors="replace").replace("\0", "\n")
        except OSError:
            continue
        found = [
            line.partition(":")[2] if mark else line for line in text.splitlines() if line.startswith(mark)
        ]
        name = "".join(sign for sign in "".join(found[:1]) if sign.isprintable()).strip()
        if name:
            return name
    return platform.processor() or platform.machine() or "unknown processor"


class Link:
    """Sends progress and result to the address that the page of the device shows."""

    def __init__(self, address):
        if not address.startswith(("http://", "https://")):
            raise Refused("The link should begin with http:// or https://. Copy it whole from the page.")
        self.address = address.rstrip("/") + "/"
        self.told = 0.0

    def tell(self, share, eta):
        """Tells how far it is, every few seconds; a lost message is no harm."""
        if time.monotonic() - self.told < TELL_SECONDS:
            return
        self.told = time.monotonic()
        try:
            self.post("progress/", {"progress": round(share, 4), "eta_seconds": round(eta, 1)})
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError) and error.code in (404, 409, 410):
                raise Refused(sentence(error)) from error

    def send(self, timings):
        """Sends the result; tries again while the server cannot be reached.

        Raises:
            Refused: With the server's sentence.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return str(self.post("timings/", timings)["text"])
            except urllib.error.HTTPError as error:
                raise Refused(sentence(error)) from error
            except OSError as error:
                if attempt == ATTEMPTS:
                    raise Refused(
                        f"The server cannot be reached ({error}). Upload timings.json on the device's page."
                    ) from error
                time.sleep(2**attempt)
        raise AssertionError

    def post(self, where, content):
        body = json.dumps(content).encode()
        request = urllib.request.Request(
            self.address + where, body, {"Content-Type": "application/json", "Accept": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read(100_000))


def sentence(error):
    """Returns what the server says about a refusal."""
    try:
        return str(json.loads(error.read(100_000))["detail"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"The server refused ({error.code}). Copy the link again from the page of the device."


def shown(link):
    """Returns a function that shows the progress here and tells the server."""

    def tell(share, eta):
        print(f"\r{100 * share:3.0f}%, about {max(1, round(eta / 60))} min left ", end="", flush=True)
        if link is not None:
            link.tell(share, eta)

    return tell


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--link", help="address that the page of the device shows; the result is sent there")
    parser.add_argument("--name", default=platform.node() or "my device", help="how this device is called")
    parser.add_argument("--threads", type=int, default=1, help="threads of the runtime")
    parser.add_argument("--seconds", type=float, help="time for the measurement; at least one round is run")
    parser.add_argument("--bundle", type=Path, default=HERE / "bundle", help="directory of the graphs")
    parser.add_argument("--out", type=Path, default=Path("timings.json"))
    options = parser.parse_args(arguments)
    try:
        link = Link(options.link) if options.link else None
        timings = measure(options.bundle, options.name[:200], options.threads, options.seconds, shown(link))
        options.out.write_text(json.dumps(timings) + "\n", encoding="utf-8")
        print(f"\n{options.out} is written.")
        print(link.send(timings) if link else "Upload it on the page of the device.")
    except Refused as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
