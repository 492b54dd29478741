"""Headers of static files."""

from __future__ import annotations

from wsgiref.headers import Headers

ISOLATED = (
    "/js/measure_worker.js",
    "/js/try_worker.js",
    "/js/lib/squash.js",
    "/vendor/onnxruntime/ort.wasm.bundle.min.mjs",
    "/vendor/onnxruntime/ort.webgpu.bundle.min.mjs",
)


def isolate_workers(headers: Headers, path: str, url: str) -> None:
    """Lets the measuring page, which is isolated from other origins, start its workers.

    A browser refuses a worker of an isolated page whose script does not ask for the same isolation.

    Args:
        headers: Headers of the answer, changed in place.
        path: The file.
        url: Its address.
    """
    if url.endswith(ISOLATED):
        headers["Cross-Origin-Embedder-Policy"] = "require-corp"
