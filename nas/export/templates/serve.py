#!/usr/bin/env python3
"""Answers over HTTP with model.onnx, which lies beside this file.

    python serve.py [--port 8000] [--host 127.0.0.1] [--int8]

    curl --data-binary @photo.jpg http://127.0.0.1:8000/predict
    {"predictions": [{"label": "glass", "probability": 0.93}, ...], "sure": true, "milliseconds": 4.1}

Needs what predict.py needs. Meant for one machine or a trusted network: it has no sign-in.
"""

import argparse
import json
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import BoundedSemaphore, Lock

import predict

HERE = Path(__file__).parent
MOST_BYTES = 50_000_000
PAGES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
    ".json": "application/json",
    ".png": "image/png",
}


class Handler(BaseHTTPRequestHandler):
    """POST /predict: a photo as the body. GET: the files of this directory, / is the demo if it is there."""

    classifier: predict.Classifier
    lock = Lock()
    turn = BoundedSemaphore(4)  # bodies in memory at a time
    timeout = 60

    def do_POST(self) -> None:
        if self.path != "/predict":
            return self.answer(404, {"error": "There is only /predict."})
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or length.strip("0") == "":
            return self.answer(411, {"error": "Send the photo as the body, with its Content-Length."})
        if len(length) > 12 or int(length) > MOST_BYTES:
            return self.answer(413, {"error": f"The photo has more than {MOST_BYTES // 1_000_000} MB."})
        with self.turn, tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "photo"
            path.write_bytes(self.rfile.read(int(length)))
            try:
                with self.lock:
                    started = time.perf_counter()
                    values = self.classifier.probabilities(predict.read_photo(path, self.classifier.side))
                    taken = 1000 * (time.perf_counter() - started)
            except ValueError as error:
                return self.answer(422, {"error": str(error)})
        found = predict.describe(self.classifier, values, 5)
        return self.answer(200, {**found, "milliseconds": round(taken, 2)})

    def do_GET(self) -> None:
        name = self.path.split("?")[0].lstrip("/") or "demo.html"
        allowed = {path.name: path for path in HERE.iterdir() if path.suffix in PAGES}
        if name not in allowed:
            return self.answer(404, {"error": "POST a photo to /predict."})
        return self.send(200, PAGES[allowed[name].suffix], allowed[name].read_bytes())

    def answer(self, status: int, content: dict) -> None:
        self.send(status, "application/json", json.dumps(content, ensure_ascii=False).encode())

    def send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)


def main() -> int:
    parser = argparse.ArgumentParser(description="Answers over HTTP with model.onnx.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="0.0.0.0 lets other machines in; there is no sign-in"
    )
    parser.add_argument("--port", type=int, default=8000, help="0 takes any free one")
    predict.add_model_options(parser)
    arguments = parser.parse_args()
    try:
        Handler.classifier = predict.Classifier(predict.model_of(arguments))
        server = ThreadingHTTPServer((arguments.host, arguments.port), Handler)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"Ready: http://{arguments.host}:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
