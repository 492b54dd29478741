"""What a device fetches to measure: made once for each choice of blocks and kept as a file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from nas.files import write_atomically
from nas.hardware.effort import EXTENTS
from search_app.models import Device

if TYPE_CHECKING:
    from nas.hardware.items import Manifest

_making = threading.Lock()


def manifest_for(device: Device) -> Manifest:
    """Returns what the device is asked to run.

    Raises:
        NasError: If its spaces or its extent are of another version of this program.
    """
    from nas.hardware.bundle import manifest_of  # loads onnx

    return manifest_of(tuple(device.spaces), device.extent)


def packed_bundle(device: Device) -> Path:
    """Returns the file that the measuring page fetches.

    Raises:
        NasError: As `manifest_for`.
    """
    from nas.hardware.bundle import pack_bundle

    return _made_once(device, "pack", pack_bundle)


def script_bundle(device: Device) -> Path:
    """Returns the archive with the measuring script.

    Raises:
        NasError: As `manifest_for`.
    """
    from nas.hardware.bundle import script_archive

    return _made_once(device, "zip", script_archive)


def _made_once(device: Device, kind: str, make: Callable[[Manifest, float], bytes]) -> Path:
    from nas.hardware.bundle import bundle_key

    manifest, seconds = manifest_for(device), EXTENTS[device.extent].seconds
    name = f"{manifest.fingerprint}-{bundle_key(manifest, seconds)}.{kind}"
    path = Path(settings.STORAGE_DIR) / "bundles" / name
    with _making:  # it takes seconds; whoever comes meanwhile gets the same file
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, make(manifest, seconds))
    return path
