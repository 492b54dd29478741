#!/usr/bin/env python3
"""Classifies photos with model.onnx, which lies beside this file.

    python predict.py photo.jpg [more photos] [--top 3] [--json]
    python predict.py --int8 ...     uses model_int8.onnx, if this download has one
    python predict.py --check        proves that this copy answers as it did where it was made

Needs Python 3.10 or newer and:  pip install onnxruntime numpy pillow
"""

import argparse
import hashlib
import io
import json
import struct
import sys
import warnings
from pathlib import Path

try:
    import numpy as np
    from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
except ImportError as error:
    sys.exit(
        f"{error.name} is missing. Install what this script needs:  pip install onnxruntime numpy pillow"
    )

try:  # photos of phones: optional
    import pillow_heif

    pillow_heif.register_heif_opener()
except ImportError:
    pass

# What the training images were read from; Pillow knows others, of which EPS would start Ghostscript.
Image.init()
FORMATS = [
    name
    for name in ("JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "HEIF")
    if name in Image.OPEN
]
HERE = Path(__file__).parent
MOST_PIXELS = 100_000_000
FP32, INT8 = "model.onnx", "model_int8.onnx"
ANSWERS = {INT8: "golden_int8.json"}  # all others have golden.json
ROTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Classifier:
    """The model: photo in, probabilities out. The pixel arithmetic is inside the ONNX file."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ValueError(missing(path))
        try:
            import onnxruntime as ort
        except ImportError:
            raise ValueError("onnxruntime is missing. Install it:  pip install onnxruntime") from None
        options = ort.SessionOptions()
        options.log_severity_level = 3
        try:
            self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            metadata = self.session.get_modelmeta().custom_metadata_map
            self.labels = json.loads(metadata["labels"])
            self.side = int(metadata["stored_size"])
            self.threshold = float(metadata.get("threshold", 0.0))
        except Exception as error:
            raise ValueError(f"{path} cannot be opened. Download the model again. ({error})") from error

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Returns (K,) probabilities of one (H, W, 3) uint8 RGB image."""
        return self.session.run(["probabilities"], {"image": pixels[None]})[0][0]


def missing(path: Path) -> str:
    if path.name == INT8:
        return f"{path} is missing: this download has no int8 file. model_card.md says why."
    return f"{path} is missing. Keep predict.py and model.onnx in the same directory."


def read_photo(path: Path, side: int) -> np.ndarray:
    """Reads a photo exactly as the training data were read.

    EXIF rotation applied, transparency on white, 16 bits scaled, first frame, colour profile converted to
    sRGB, squashed to the square in which training images were stored.
    """
    if not path.exists():
        raise ValueError("there is no such file. Check the name.")
    if path.is_dir():
        raise ValueError("this is a directory. Name the photos in it, e.g. with *.jpg.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise ValueError("the image has more than 100 million pixels. Make it smaller.")
                if image.format in ("JPEG", "MPO"):
                    image.draft("RGB", (side, side))
                image.load()
                turn = rotation_of(image)
                square = to_srgb(image, side)
    except UnidentifiedImageError:
        raise ValueError(
            "this is not an image that can be read. Use JPEG, PNG, WebP, GIF, BMP or TIFF, or install "
            "pillow-heif for HEIC."
        ) from None
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"the image is damaged and cannot be read ({error}). Save it again.") from error
    if turn is not None:
        square = square.transpose(turn)
    return np.asarray(square)


def rotation_of(image: Image.Image) -> "Image.Transpose | None":
    try:
        return ROTATIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return None


def to_srgb(image: Image.Image, side: int) -> Image.Image:
    plain = to_plain(image)
    transform = profile_of(image, plain.mode)
    if transform is None and plain.mode == "CMYK":
        plain = plain.convert("RGB")
    square = plain.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    if transform is not None:
        square = ImageCms.applyTransform(square, transform) or square
    return square if square.mode == "RGB" else square.convert("RGB")


def to_plain(image: Image.Image) -> Image.Image:
    """RGB, or L or CMYK, whose colour profiles speak of these."""
    if image.mode in ("RGB", "L", "CMYK") and "transparency" not in image.info:
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return scale_deep(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image.convert("L") if image.mode == "1" else image.convert("RGB")


def profile_of(image: Image.Image, mode: str) -> "ImageCms.ImageCmsTransform | None":
    """The way from the image's colour profile to sRGB; None without one, or when it makes no sense."""
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or not 128 < len(profile) <= 4_000_000:
        return None
    space = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}.get(profile[16:20])
    if space != mode or is_srgb(profile):
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:
        return None


def is_srgb(profile: bytes) -> bool:
    n_tags = struct.unpack_from(">L", profile, 128)[0] if len(profile) >= 132 else 0
    for i in range(min(n_tags, 100)):
        entry = profile[132 + 12 * i : 144 + 12 * i]
        if len(entry) == 12 and entry.startswith(b"desc"):
            _, at, size = struct.unpack(">4sLL", entry)
            text = profile[at : at + min(size, 500)]
            return b"sRGB" in text or "sRGB".encode("utf-16-be") in text
    return False


def scale_deep(image: Image.Image) -> Image.Image:
    """16 bits by 255/65535; 32-bit and float images, whose range is not fixed, by what they hold."""
    deep = image.convert("F")
    low, high = 0.0, 65535.0
    if not image.mode.startswith("I;16"):
        lowest, highest = deep.getextrema()
        if image.mode == "F" or lowest < 0 or highest > high:
            low, high = lowest, highest
    scale = 255.0 / (high - low) if high > low else 0.0
    return deep.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")


def check(path: Path) -> str:
    """Returns what is wrong with this copy of a model; empty if checksum and golden answer are right."""
    try:
        classifier = Classifier(path)
    except ValueError as error:
        return str(error)
    try:
        return altered(path) or off(path, classifier)
    except (OSError, KeyError, TypeError, ValueError) as error:
        return (
            f"{path.name}: the golden picture, its answer or SHA256SUMS cannot be read ({error}). "
            "Download the model again."
        )


def altered(path: Path) -> str:
    """Compares with SHA256SUMS; a copy without that file is judged by its answer alone."""
    sums = path.with_name("SHA256SUMS")
    if not sums.is_file() or path.name not in (FP32, INT8):
        return ""
    known = dict(line.split("  ", 1)[::-1] for line in sums.read_text(encoding="utf-8").splitlines())
    if known.get(path.name) == hashlib.sha256(path.read_bytes()).hexdigest():
        return ""
    return f"{path.name} is not the file that SHA256SUMS lists. Download the model again."


def off(path: Path, classifier: Classifier) -> str:
    """Compares the answer to the golden picture with the one where the model was made."""
    answer = json.loads(path.with_name(ANSWERS.get(path.name, "golden.json")).read_text(encoding="utf-8"))
    expected = np.array(answer["probabilities"], dtype=np.float64)
    found = classifier.probabilities(read_photo(path.with_name(answer["picture"]), classifier.side))
    if found.shape != expected.shape:
        return "The model has another number of classes than the golden answer. Download it again."
    difference = float(np.abs(found - expected).max())
    if not difference <= answer["tolerance"]:
        return (
            f"{path.name}: the answer to the golden picture is off by {difference:.4f}, more than "
            f"{answer['tolerance']}: this copy or this machine's runtime does not do what it should."
        )
    return ""


def models_of(directory: Path) -> "list[Path]":
    """The models of a download: model.onnx, and the int8 file where there is one or should be one."""
    paths = [directory / name for name in (FP32, *ANSWERS)]
    return [
        path
        for path in paths
        if path.name == FP32 or path.is_file() or path.with_name(ANSWERS[path.name]).is_file()
    ]


def describe(classifier: Classifier, values: np.ndarray, top: int) -> dict:
    """The best classes, and whether the model is sure enough to be believed."""
    best = np.argsort(-values)[:top]
    guesses = [{"label": classifier.labels[i], "probability": round(float(values[i]), 4)} for i in best]
    return {"predictions": guesses, "sure": bool(values.max() >= classifier.threshold)}


def add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, default=None, help=f"the file to use (default {FP32})")
    parser.add_argument("--int8", action="store_true", help=f"use {INT8}, which lies beside this file")


def model_of(arguments: argparse.Namespace) -> Path:
    return arguments.model or HERE / (INT8 if arguments.int8 else FP32)


def prove(paths: "list[Path]") -> int:
    """Says whether each model of this copy is what it was where it was made."""
    wrong = [words for words in map(check, paths) if words]
    print(
        "\n".join(wrong) or "This copy answers as it did where it was made.",
        file=sys.stderr if wrong else sys.stdout,
    )
    return 1 if wrong else 0


def main(words: "list[str] | None" = None) -> int:
    parser = argparse.ArgumentParser(description="Classifies photos with model.onnx.")
    parser.add_argument("photos", nargs="*", type=Path, help="image files")
    parser.add_argument("--check", action="store_true", help="compare with the golden answer")
    parser.add_argument("--top", type=int, default=3, help="how many classes to print (default 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    add_model_options(parser)
    arguments = parser.parse_args(words)
    if arguments.top < 1:
        parser.error("--top must be at least 1")
    chosen = model_of(arguments)
    if arguments.check:
        return prove([chosen] if arguments.model or arguments.int8 else models_of(HERE))
    try:
        classifier = Classifier(chosen)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if not arguments.photos:
        parser.error("name at least one photo, or --check")
    return answer_all(classifier, arguments.photos, arguments.top, as_json=arguments.json)


def answer_all(classifier: Classifier, photos: "list[Path]", top: int, *, as_json: bool) -> int:
    """Prints the answers; model.py beside this file does it with its own kind of classifier."""
    results, failed = [], False
    for path in photos:
        try:
            values = classifier.probabilities(read_photo(path, classifier.side))
        except ValueError as error:
            failed = True
            print(f"{path}: {error}", file=sys.stderr)
            results.append({"file": str(path), "error": str(error)})
            continue
        answer = describe(classifier, values, top)
        results.append({"file": str(path), **answer})
        if not as_json:
            guesses = ", ".join(f"{g['label']} {g['probability']:.1%}" for g in answer["predictions"])
            print(f"{path}: {guesses}" + ("" if answer["sure"] else "  (I don't know: too close to call)"))
    if as_json:
        print(json.dumps(results, ensure_ascii=False, indent=2))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
