"""A folder of pictures, as teams submitted them: one for each pair, and nothing else."""

from collections.abc import Sequence
from pathlib import Path

from wideopen.errors import PhotoError, RequestError
from wideopen.pairs.pair import Pair, by_number
from wideopen.pairs.pairset import size_of

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
BESIDE = ("readme.txt", "readme.md")
"""Files that a submission may hold beside its pictures."""
MOST_NAMED = 5


def pictures_of(folder: Path, pairs: Sequence[Pair]) -> dict[str, Path]:
    """Find the picture of every pair, by its name: ``12.png`` answers the pair ``12``.

    Nothing is left out in silence: all that is odd is said in one line. Whether a picture can be decoded to its end
    shows when it is scored.

    Raises:
        RequestError: If pictures are missing, too many, of other sizes or mixed formats, or no pictures at all; it
            names the first files of each kind.
    """
    files, foreign = _listed(folder)
    by_name: dict[str, list[Path]] = {}
    for file in files:
        by_name.setdefault(file.stem, []).append(file)
    wanted = {pair.name for pair in pairs}
    known = wanted & by_name.keys()
    if files and len(known) < len(wanted) / 2 and len(known) < len(by_name) / 2:
        raise RequestError(
            f"{folder} looks like pictures of another data set: it holds {some([each.name for each in files])}, and "
            f"the pairs are called {some(sorted(wanted, key=by_number))}; give one picture for each pair, under "
            "its name"
        )
    faults = [
        _fault("missing", [f"{pair.name}{_suffix(files)}" for pair in pairs if pair.name not in by_name]),
        _fault("of no pair", [file.name for file in files if file.stem not in wanted]),
        _fault("there twice", [" and ".join(each.name for each in two) for two in by_name.values() if len(two) > 1]),
        _fault("no pictures", [each.name for each in foreign]),
        _mixed(files),
        *_by_size([(pair, by_name[pair.name][0]) for pair in pairs if pair.name in by_name]),
    ]
    if any(faults):
        told = "; ".join(fault for fault in faults if fault)
        raise RequestError(
            f"{folder} cannot be scored: {told}. Give one picture for each of the {len(pairs)} pairs, under its name, "
            "of its size, all in one format"
        )
    return {name: found[0] for name, found in by_name.items()}


def _listed(folder: Path) -> tuple[list[Path], list[Path]]:
    """List the pictures of a folder and what else it holds, hidden files left out."""
    try:
        there = sorted((each for each in folder.iterdir() if not each.name.startswith(".")), key=_by_name)
    except OSError as error:
        raise RequestError(f"{folder} cannot be listed ({error.strerror}); give a folder of pictures") from error
    files = [each for each in there if each.suffix.lower() in SUFFIXES and not each.is_dir()]
    foreign = [each for each in there if each not in files and each.name.lower() not in BESIDE]
    if not files:
        inner = [each for each in foreign if each.is_dir()]
        hint = f"; perhaps you mean {inner[0]}" if len(inner) == 1 else ""
        raise RequestError(f"{folder} holds no pictures ({' '.join(SUFFIXES)}){hint}")
    return files, foreign


def _mixed(files: Sequence[Path]) -> str:
    counts: dict[str, int] = {}
    for file in files:
        suffix = {".jpeg": ".jpg", ".tiff": ".tif"}.get(file.suffix.lower(), file.suffix.lower())
        counts[suffix] = counts.get(suffix, 0) + 1
    if len(counts) < 2:
        return ""
    return "mixed formats (" + ", ".join(f"{count} {suffix}" for suffix, count in sorted(counts.items())) + ")"


def _by_size(answers: Sequence[tuple[Pair, Path]]) -> list[str]:
    """Tell of pictures whose heads cannot be read, or that are of another size than their truth."""
    broken, other = [], []
    for pair, file in answers:
        try:
            size = size_of(file)
        except PhotoError:
            broken.append(file.name)
            continue
        wanted = size_of(pair.bokeh)
        if size != wanted:
            other.append(f"{file.name} is {size[0]}x{size[1]} and not {wanted[0]}x{wanted[1]}")
    return [_fault("broken", broken), _fault("of another size", other)]


def _fault(what: str, names: Sequence[str]) -> str:
    return f"{len(names)} {what} ({some(names)})" if names else ""


def some(names: Sequence[str], *, most: int = MOST_NAMED) -> str:
    """Name the first of many."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _suffix(files: Sequence[Path]) -> str:
    return files[0].suffix if files else ".png"


def _by_name(path: Path) -> tuple[int, str]:
    return by_number(path.stem)
