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
        "If they are one class, merge the two; nothing else is needed.",
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
        "{n} more files or rows have findings; only the first ones are listed.",
        "Correct those listed and upload again.",
    ),
    "one-class": (
        "All usable images belong to one class.",
        "Add a folder with images of another class: at least two are needed to learn a difference.",
    ),
    # tar files, tables, corrections
    "sparse": (
        "The file is stored with holes in it (a sparse file), which is not supported.",
        "Make the tar file again without the option --sparse.",
    ),
    "no-class-in-name": (
        "The file name does not follow the others, so its class is not known.",
        "Rename the file like the others, or put it into a folder of its class.",
    ),
    "not-in-table": (
        "No row of the table names this image, so its class is not known.",
        "Add a row for it to the table, or leave the image out.",
    ),
    "row-missing": (
        "Row {row} of the table names a file that the upload does not hold.",
        "Add the file to the upload, or correct its name in the table.",
    ),
    "row-ambiguous": (
        "Row {row} of the table fits several files of the upload.",
        "Write the folder in front of the file name in the table.",
    ),
    "row-outside": (
        "Row {row} of the table names a place outside the upload; such files are never opened.",
        "Write the path as it stands inside the upload, e.g. 'images/1.jpg'.",
    ),
    "row-foreign": (
        "Row {row} of the table names a web address; nothing is downloaded.",
        "Put the image itself into the upload and its name into the table.",
    ),
    "row-no-label": (
        "Row {row} of the table gives no class.",
        "Fill in the class in the table, or remove the row.",
    ),
    "row-odd-label": (
        "The class in row {row} of the table is longer than {limit} characters.",
        "Choose a shorter class name.",
    ),
    "row-two-labels": (
        "The table gives this image several classes ({labels}), so it was left out.",
        "Keep one row for each image in the table.",
    ),
    "table-damaged": (
        "The table cannot be read from row {row} on: {why}.",
        "Save the table again as CSV (UTF-8) and upload it again.",
    ),
    "folder-left-out": (
        "You chose to leave out this folder; it holds {n} file(s).",
        "Nothing to do, unless you meant to keep it.",
    ),
    "class-left-out": (
        "You chose to leave out this class; it has {n} file(s).",
        "Nothing to do, unless you meant to keep it.",
    ),
    # pixels and what the images say together (nas.checks)
    "exact-copy": (
        "The same file is also there as {other}.",
        "Leave one of the two out: a copy teaches nothing new.",
    ),
    "near-copy": (
        "Almost the same picture as {other} ({percent}% alike).",
        "Leave one of the two out, unless both are wanted.",
    ),
    "copy-two-labels": (
        "The same picture as {other}, but that one lies in '{theirs}' and this one in '{label}'.",
        "Decide which class is right and leave the other copy out.",
    ),
    "split-copy": (
        "The same picture as {other}, which lies in the {part} part: known pictures flatter a result.",
        "Leave one of the two out, or move both to one part.",
    ),
    "wrong-label": (
        "It lies in '{label}' but looks like '{suggestion}' ({percent}% sure).",
        "Look at it; give it the other class, or say that it is fine.",
    ),
    "dark": (
        "The photo is so dark that little can be seen.",
        "Leave it out, unless photos will be as dark in use.",
    ),
    "bright": (
        "The photo is over-exposed: nothing in it is dark.",
        "Leave it out, unless photos will be as bright in use.",
    ),
    "blurred": (
        "The photo is blurred: none of its edges is sharp.",
        "Leave it out, unless photos will be as blurred in use.",
    ),
    "near-uniform": (
        "The picture shows almost nothing but one colour.",
        "Leave it out, unless an empty picture belongs to its class.",
    ),
    "odd-size": (
        "With {width} x {height} pixels it differs much from the others in size.",
        "Check that it is a photo of the same kind as the others.",
    ),
    "odd-aspect": (
        "With {width} x {height} pixels it differs much from the others in its proportions.",
        "It is squashed to a square like all others: crop it, or leave it out, if that spoils it.",
    ),
    "shortcut": (
        "Photos of '{label}' {evidence}: that alone tells them apart in {percent} of 100 cases.",
        "A model learns this instead of the subject and fails where it is missing. Remove it, or add photos "
        "of this class without it.",
    ),
    "imbalance": (
        "'{large}' has {n_large} images and '{label}' only {n_small}.",
        "Add images to the small class if you can; a model is wrong most often about rare classes.",
    ),
}

WARNING_KINDS: Final = frozenset(
    {
        "animated", "empty-folder", "few-images", "label-merged", "label-case", "no-train-folder",
        "more-findings",
        "two-labels", "one-class",
        "folder-left-out", "class-left-out",  # asked for
        "exact-copy", "near-copy", "copy-two-labels", "split-copy", "wrong-label",
        "dark", "bright", "blurred", "near-uniform", "odd-size", "odd-aspect", "shortcut", "imbalance",
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
