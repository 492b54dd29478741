"""The plain sentences of the import: one kind, one reason, one next step."""

from __future__ import annotations

from typing import Final

from nas.errors import Problem

# kind -> (reason, remedy); the braces are filled by `make_problem`.
_TEXTS: Final[dict[str, tuple[str, str]]] = {
    # names and entry types
    "path-traversal": (
        "The name climbs out of the archive with '..'.",
        "Zip the folder again from its own place, without '..' in the names.",
    ),
    "absolute-path": (
        "The name is an absolute path or starts with a drive letter.",
        "Zip the folder again with names relative to it.",
    ),
    "backslash": (
        "The name contains a backslash, so its folder cannot be told safely.",
        "Zip again with a current program; folders are separated by '/'.",
    ),
    "odd-name": (
        "The name holds an empty part, or invisible control or direction characters.",
        "Rename the file and upload it again.",
    ),
    "name-too-long": (
        "A part of the name is longer than {limit} bytes.",
        "Shorten the file or folder name and upload it again.",
    ),
    "too-deep": (
        "The file lies more than {limit} folders deep.",
        "Put the images directly into their class folders.",
    ),
    "link": (
        "This entry is a link or a device, not a file.",
        "Put the real image in its place and zip again.",
    ),
    "encrypted": (
        "The file is protected by a password.",
        "Zip again without a password.",
    ),
    "nested-archive": (
        "This is an archive inside the archive; it is not opened.",
        "Unpack it and zip its images together with the others.",
    ),
    "duplicate-name": (
        "Two entries have this same name; the first one was kept.",
        "Rename one of the two files and upload again.",
    ),
    "entry-too-large": (
        "The unpacked file would be {size}, more than the limit of {limit}.",
        "Save the image smaller and upload it again.",
    ),
    "bomb": (
        "The file would unpack to {ratio} times its size, which real images never do.",
        "Leave this file out, or save it as a JPEG or PNG.",
    ),
    "compression": (
        "The file is packed by a method that is not supported (number {method}).",
        "Zip again with the ordinary method (deflate).",
    ),
    # content of an entry
    "damaged-entry": (
        "The file is damaged inside the zip (its length or checksum is wrong).",
        "Zip the original file again and upload it.",
    ),
    "size-mismatch": (
        "The file is longer than the zip's directory says.",
        "Zip the original file again with a current program.",
    ),
    "empty": ("The file is empty (0 bytes).", "Replace it by the original image."),
    "not-an-image": (
        "The file is {looks}, not an image that can be read.",
        "Save it as JPEG, PNG or WebP, or leave it out.",
    ),
    "truncated": (
        "The image ends too early or is damaged.",
        "Copy the original again from the camera or disk and upload it.",
    ),
    "too-many-pixels": (
        "The image has {width} x {height} pixels, more than the limit of {limit} million.",
        "Save it smaller and upload it again.",
    ),
    "too-small": (
        "The image is too small to show anything ({width} x {height} pixels).",
        "Replace it by a larger version.",
    ),
    "too-slow": (
        "Reading the image took longer than {seconds} seconds or made the reader fail.",
        "Save it again in a picture program and upload the copy.",
    ),
    "memory": (
        "Reading the image needs too much memory.",
        "Save it again in a picture program, smaller, and upload the copy.",
    ),
    "animated": (
        "The image is animated; its first frame is used.",
        "Nothing to do, unless you meant another.",
    ),
    # layout, classes, copies
    "unlabelled": (
        "The image lies in no class folder, so its class is not known.",
        "Put it into the folder of its class.",
    ),
    "outside-splits": (
        "The file lies outside the train, val and test folders.",
        "Move it into one of them, or remove it.",
    ),
    "empty-folder": ("The folder holds no image.", "Add images to it or remove it."),
    "small-class": (
        "The class has only {n} usable image(s); at least {limit} are needed, so it was left out.",
        "Add images to this class, or merge it with another.",
    ),
    "few-images": (
        "The class has only {n} images; results for it will be uncertain.",
        "Add images if you can; 25 or more are better, 100 are good.",
    ),
    "class-not-in-train": (
        "The class has no image in the train folder, so it was left out.",
        "Add images of it to the train folder.",
    ),
    "label-merged": (
        "Two spellings of this folder name look the same and were merged into one class.",
        "Nothing to do, unless they are meant to be two classes: then rename one.",
    ),
    "label-case": (
        "The class names {names} differ only in upper and lower case and are kept apart.",
        "If they are one class, rename the folder and upload again.",
    ),
    "no-train-folder": (
        "There is a val or test folder but no train folder, so the images were divided anew.",
        "Name the folder with the training images 'train' if the division matters.",
    ),
    "split-leak": (
        "The same image is also in the {other} part, so it was kept out of the {split} part.",
        "Remove one of the two copies.",
    ),
    "two-labels": (
        "The same image also lies in the class {other}.",
        "Decide which class is right and remove the other copy.",
    ),
    "more-findings": (
        "{n} more files have findings; only the first ones are listed.",
        "Correct those listed and upload again.",
    ),
    "one-class": (
        "All usable images belong to one class.",
        "Add a folder with images of another class: at least two are needed to learn a difference.",
    ),
}

WARNING_KINDS: Final = frozenset(
    {
        "animated", "empty-folder", "few-images", "label-merged", "label-case", "no-train-folder",
        "more-findings",
        "two-labels", "one-class",
    }
)  # fmt: skip
"""Kinds that leave nothing out."""


def make_problem(path: str, kind: str, **details: object) -> Problem:
    """Puts a finding into words.

    Args:
        path: Name as the user knows it; stays data.
        kind: One of the kinds of this module.
        **details: Values for the braces of its sentence.

    Raises:
        KeyError: The kind or one of its details is unknown.
    """
    reason, remedy = _TEXTS[kind]
    return Problem(
        path=path, kind=kind, reason=reason.format(**details) if details else reason, remedy=remedy
    )


def is_refusal(problem: Problem) -> bool:
    """True when the file (or class) was left out, False for a warning."""
    return problem.kind not in WARNING_KINDS


def human_bytes(n: int) -> str:
    """Size for people, e.g. ``"1.5 MB"`` (decimal units)."""
    size = float(n)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")
