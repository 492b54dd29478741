"""Public image sets by name: one that comes with the program, others from torchvision's loaders, online."""

from __future__ import annotations

import io
import socket
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from nas.errors import DataError

OnProgress = Callable[[str, int, int], None]

_TIMEOUT_SECONDS: Final = 30.0
_ENLARGEMENT: Final = 4
_NONE_STATED: Final = "none stated by its authors; ask them before any use beyond trying things out"


@dataclass(frozen=True)
class PublicSet:
    """One set that can be fetched.

    Attributes:
        key: Stable name in addresses.
        title: Name for people.
        loader: Class of ``torchvision.datasets``, or "" for the sample that scikit-learn brings along.
        parts: (folder name, keyword arguments of the loader); a folder name of "" leaves the division to us.
        licence: As its authors state it.
        licence_url: Where they do, or "".
        n_images: Number of images.
        n_classes: Number of classes.
        size_bytes: About how much is downloaded; of the sample, how large it is.
    """

    key: str
    title: str
    loader: str
    parts: tuple[tuple[str, dict[str, Any]], ...]
    licence: str
    licence_url: str
    n_images: int
    n_classes: int
    size_bytes: int

    @property
    def offline(self) -> bool:
        """True if no internet is needed."""
        return not self.loader


_TRAIN_TEST: Final = (("train", {"train": True}), ("test", {"train": False}))
_CC_BY_SA: Final = "https://creativecommons.org/licenses/by-sa/"

PUBLIC_SETS: Final = (
    PublicSet(
        "fashion-mnist", "Fashion-MNIST: clothes, 28 px grey", "FashionMNIST", _TRAIN_TEST, "MIT",
        "https://github.com/zalandoresearch/fashion-mnist/blob/master/LICENSE", 70_000, 10, 31_000_000,
    ),
    PublicSet(
        "mnist", "MNIST: handwritten digits, 28 px grey", "MNIST", _TRAIN_TEST, "CC BY-SA 3.0",
        f"{_CC_BY_SA}3.0/", 70_000, 10, 12_000_000,
    ),
    PublicSet(
        "kmnist", "Kuzushiji-MNIST: old Japanese letters, 28 px grey", "KMNIST", _TRAIN_TEST, "CC BY-SA 4.0",
        f"{_CC_BY_SA}4.0/", 70_000, 10, 21_000_000,
    ),
    PublicSet(
        "cifar10", "CIFAR-10: animals and vehicles, 32 px colour", "CIFAR10", _TRAIN_TEST, _NONE_STATED, "",
        60_000, 10, 170_000_000,
    ),
    PublicSet(
        "eurosat", "EuroSAT: land use from space, 64 px colour", "EuroSAT", (("", {}),), "MIT",
        "https://github.com/phelber/EuroSAT/blob/master/LICENSE", 27_000, 10, 94_000_000,
    ),
    PublicSet(
        "oxford-pets", "Oxford-IIIT Pets: breeds of cats and dogs", "OxfordIIITPet",
        (("train", {"split": "trainval"}), ("test", {"split": "test"})), "CC BY-SA 4.0",
        f"{_CC_BY_SA}4.0/", 7_349, 37, 811_000_000,
    ),
    PublicSet(
        "digits", "Handwritten digits, a sample", "", (("", {}),), "CC BY 4.0",
        "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits", 1_797, 10,
        2_800_000,
    ),
)  # fmt: skip
"""Numbers and licences as the sets' own pages state them."""


def fetch(key: str, destination: Path, *, on_progress: OnProgress | None = None) -> Path:
    """Downloads a set and writes it as one tar of ``[<part>/]<class>/<number>.<ending>``.

    Args:
        key: One of `PUBLIC_SETS`.
        destination: Directory for the download and the tar; what an interrupted fetch left is used again.
        on_progress: Told stage, images written and images in all.

    Returns:
        The tar.

    Raises:
        DataError: Unknown set, or the machine cannot reach its server.
        OSError: The disk is full or may not be written.
    """
    chosen = next((one for one in PUBLIC_SETS if one.key == key), None)
    if chosen is None:
        raise DataError(f"There is no public set '{key}'. Choose one of the list.")
    report = on_progress or (lambda stage, done, total: None)
    destination.mkdir(parents=True, exist_ok=True)
    target = destination / f"{key}.tar"
    done = 0
    with tarfile.open(target, "w") as tar:
        for part, options in chosen.parts:
            report(f"Downloading {chosen.title}" if chosen.loader else "Unpacking", done, chosen.n_images)
            loaded = _load(chosen, destination / "download", options) if chosen.loader else _Sample()
            for number, (label, ending, content) in enumerate(_files(loaded)):
                head = tarfile.TarInfo("/".join(filter(None, (part, label, f"{number:06d}{ending}"))))
                head.size = len(content)
                tar.addfile(head, io.BytesIO(content))
                done += 1
                report("Writing the images", done, chosen.n_images)
    return target


def sample_images() -> Iterator[tuple[Image.Image, int]]:
    """Yields the sample that needs no internet: 1,797 handwritten digits, 32x32 grey pixels, and their class.

    They are the test part of UCI's set as scikit-learn ships it, 8x8 pixels, enlarged.
    """
    from sklearn.datasets import load_digits  # heavy, and only needed here

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)  # (1797, 8, 8), 0..16 -> 0..255
    for image, label in zip(pixels, digits.target, strict=True):
        small = Image.fromarray(image)
        size = (small.width * _ENLARGEMENT, small.height * _ENLARGEMENT)
        yield small.resize(size, Image.Resampling.BICUBIC), int(label)


class _Sample:
    """The sample as a torchvision data set looks: with the names of its classes."""

    classes: Final = tuple(map(str, range(10)))

    def __iter__(self) -> Iterator[tuple[Image.Image, int]]:
        return sample_images()


def _load(chosen: PublicSet, root: Path, options: dict[str, Any]) -> Any:
    from torchvision import datasets  # heavy, and only needed here

    try:
        with _socket_timeout(_TIMEOUT_SECONDS):
            return getattr(datasets, chosen.loader)(root=str(root), download=True, **options)
    except (OSError, RuntimeError) as error:
        # urllib's errors are OSErrors; torchvision raises RuntimeError when all its mirrors failed.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataError(
            f"{chosen.title} could not be downloaded: this machine does not reach the set's server. "
            "Connect it to the internet and try again, or upload a zip of your own; all else works offline."
        ) from error


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Torchvision passes no timeout on, so a server that accepts and stays silent would hang the worker."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _files(loaded: Any) -> Iterator[tuple[str, str, bytes]]:
    """(class, ending, file content): the original files where the set has them, else lossless PNGs."""
    names = [str(name).replace("/", "-") for name in loaded.classes]
    samples = getattr(loaded, "samples", None)
    if samples is not None:
        for path, label in samples:
            yield names[label], Path(path).suffix, Path(path).read_bytes()
        return
    for image, label in loaded:
        buffer = io.BytesIO()
        image.save(buffer, format="PNG", compress_level=1)
        yield names[label], ".png", buffer.getvalue()
