"""Site: boards as a folder of pages that works from a disk, or as one page; neither asks an outside address."""

import base64
import io
import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from wideopen.challenge.board import Board, BoardRow, shows_truth
from wideopen.challenge.board_page import Links, Shown, band, boards_html, gallery_html, page, sheet_html, text
from wideopen.challenge.board_table import heading
from wideopen.challenge.files import Files
from wideopen.challenge.plan import Phase, moment
from wideopen.challenge.store import Store
from wideopen.errors import RequestError
from wideopen.photo.whole import whole_file
from wideopen.score.gallery import natural
from wideopen.score.score import Score

INDEX, MARK = "index.html", "board.json"
"""The mark tells a folder of ours, which alone may be replaced; it holds the tables as JSON."""
FORMAT = "challenge-board/1"
_FOUND, _TRUTH, _INPUT = "found", "truth", "input"


def write_site(store: Store, files: Files, tables: Sequence[Board], folder: Path, *, overwrite: bool = False) -> int:
    """Write all tables, a page for each row, Scores and small pictures; whole or not at all.

    True pictures are left out until no phase asks for them any more.

    Args:
        store: Of the challenge.
        files: Of the challenge.
        tables: That are shown.
        folder: That becomes the site.
        overwrite: Whether a site of before may be replaced.

    Returns:
        How many files there are.

    Raises:
        RequestError: If there is something else already, a Score cannot be read, or the place cannot be written.
    """
    _refuse_folder(folder, overwrite=overwrite)
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    before = folder.with_name(f"{beside.name}.before")
    try:
        beside.mkdir(parents=True)
        _fill(_Site(store, files, tables, beside))
        count = sum(each.is_file() for each in beside.rglob("*"))
        if folder.exists():
            folder.rename(before)
        beside.rename(folder)
    except OSError as error:
        if before.exists() and not folder.exists():
            before.rename(folder)
        raise RequestError(f"{folder} cannot be written ({error.strerror or error}); choose another place") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(before, ignore_errors=True)
    return count


def write_page(store: Store, files: Files, tables: Sequence[Board], path: Path) -> None:
    """Write tables and fact sheets as one page; Scores are inside, pictures are not.

    Raises:
        RequestError: If a Score cannot be read.
        OSError: If the place cannot be written.
    """
    sheets, links = [], {}
    for table in tables:
        for row in table.rows:
            number = row.submission.id
            runtime = None if row.runtime is None else _inside(row.runtime, files)
            links[number] = Links(f"#sheet-{number}", _inside(str(row.submission.score), files), runtime)
            title = f'<h2 id="sheet-{number}">{_title(row)}</h2>'
            sheets.append(f"<section>{title}{sheet_html(row, table, whole_score(files, row), level=3)}</section>")
    body = boards_html(store.plan, tables, _states(store), lambda row: links[row.submission.id], {}, _at(store))
    body = body.removesuffix("</main>") + "".join(sheets) + "</main>"
    with whole_file(path) as beside:
        beside.write_bytes(page(store.plan.title, body).encode("utf-8", "replace"))


def whole_score(files: Files, row: BoardRow) -> Score:
    """Read a row's Score with the figures of single pictures.

    Raises:
        RequestError: If it cannot be read.
    """
    key = str(row.submission.score)
    try:
        score = Score.from_json(files.read(key).decode("utf-8"))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise RequestError(f"{key} cannot be read ({' '.join(str(error).split())[:200]})") from error
    return replace(row.score, per_image=score.per_image, worst=score.worst)


@dataclass
class _Site:
    """A site that is being written."""

    store: Store
    files: Files
    tables: Sequence[Board]
    folder: Path
    galleries: dict[tuple[str, str], str] = field(default_factory=dict)
    """Pages with pictures, by phase and track."""

    def put(self, name: str, content: str | bytes) -> None:
        """Write a file of the site."""
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))


def _fill(site: _Site) -> None:
    for table in site.tables:
        has_truth = shows_truth(site.store, table.phase)
        pictures = {row.submission.id: _copy_pictures(site, row, has_truth=has_truth) for row in table.rows}
        for row in table.rows:
            _put_row(site, table, row, pictures[row.submission.id], has_truth=has_truth)
        _put_gallery(site, table, pictures, has_truth=has_truth)
    body = boards_html(site.store.plan, site.tables, _states(site.store), _links, site.galleries, _at(site.store))
    site.put(INDEX, page(site.store.plan.title, body))
    records = ",\n".join(table.to_json() for table in site.tables)
    site.put(
        MARK,
        f'{{"wideopen": {json.dumps(FORMAT)}, "at": {json.dumps(site.store.stamp())}, "boards": [\n{records}\n]}}\n',
    )


def _put_row(
    site: _Site, table: Board, row: BoardRow, pictures: Mapping[str, Mapping[str, Path]], *, has_truth: bool
) -> None:
    number = row.submission.id
    for name, key in ((f"scores/{number}.json", row.submission.score), (f"scores/{number}.time.json", row.runtime)):
        if key is not None:
            site.put(name, site.files.read(key))
    runtime = f' · <a href="../scores/{number}.time.json">Score of the runtime</a>' if row.runtime else ""
    place = "not ranked" if row.rank is None else f"place {row.rank}{' (shared)' if row.tied else ''}"
    shown = [
        _shown(name, {("result" if kind == _FOUND else kind): path for kind, path in kinds.items()}, "../", site.folder)
        for name, kinds in pictures.items()
    ]
    body = (
        f'{band([table])}<header><p><a href="../{INDEX}">{text(site.store.plan.title)}</a></p><h1>{_title(row)}</h1>'
        f'<p>{text(table.track.title)}, phase {text(table.phase.name)}: {place} · <a href="../scores/{number}.json">'
        f"Score</a>{runtime}</p></header><main>{sheet_html(row, table, whole_score(site.files, row))}"
        f"{gallery_html(shown, has_truth=has_truth)}</main>"
    )
    site.put(_links(row).sheet, page(f"{row.score.solution} by {row.team.name}", body))


def _put_gallery(
    site: _Site, table: Board, pictures: Mapping[int, Mapping[str, Mapping[str, Path]]], *, has_truth: bool
) -> None:
    """Write the page on which the pictures of all teams lie over each other."""
    choices: dict[str, dict[str, Path]] = {}
    for row in table.rows:
        label = row.team.name if row.team.name not in (_TRUTH, _INPUT) else f"{row.team.name} (a team)"
        for name, kinds in pictures[row.submission.id].items():
            for kind, path in kinds.items():
                choices.setdefault(name, {}).setdefault(label if kind == _FOUND else kind, path)
    shown = [_shown(name, choices[name], "", site.folder) for name in sorted(choices, key=natural)]
    if not shown:
        return
    address = f"{table.phase.name}-{table.track.name}.html"
    title = heading(table)
    body = (
        f'{band([table])}<header><p><a href="{INDEX}">{text(site.store.plan.title)}</a></p><h1>Pictures</h1>'
        f"<p>{text(title)}</p></header><main>{gallery_html(shown, has_truth=has_truth)}</main>"
    )
    site.put(address, page(f"Pictures: {title}", body))
    site.galleries[table.phase.name, table.track.name] = address


def _copy_pictures(site: _Site, row: BoardRow, *, has_truth: bool) -> dict[str, dict[str, Path]]:
    """Copy the small pictures of a row; gives them by photo and kind. What is no picture is left out."""
    found: dict[str, dict[str, Path]] = {}
    for key in site.files.keys(f"galleries/{row.submission.id}"):
        name, _, kind = key.rsplit("/", 1)[1].removesuffix(".jpg").rpartition(".")
        if kind not in (_FOUND, _INPUT, _TRUTH) or (kind == _TRUTH and not has_truth):
            continue
        content = site.files.read(key)
        try:
            with Image.open(io.BytesIO(content), formats=["JPEG"]):
                pass
        except OSError:
            continue
        site.put(key, content)
        found.setdefault(name, {})[kind] = site.folder / key
    return {name: kinds for name, kinds in sorted(found.items(), key=lambda each: natural(each[0])) if _FOUND in kinds}


def _shown(name: str, choices: Mapping[str, Path], up: str, folder: Path) -> Shown:
    with Image.open(next(iter(choices.values()))) as opened:
        width, height = opened.size
    places = {label: up + quote(path.relative_to(folder).as_posix()) for label, path in choices.items()}
    return Shown(name, width, height, places)


def _links(row: BoardRow) -> Links:
    number = row.submission.id
    runtime = f"scores/{number}.time.json" if row.runtime else None
    return Links(f"submissions/{number}.html", f"scores/{number}.json", runtime)


def _inside(key: str, files: Files) -> str:
    return f"data:application/json;base64,{base64.b64encode(files.read(key)).decode()}"


def _title(row: BoardRow) -> str:
    return f"<bdi>{text(row.score.solution)}</bdi> by <bdi>{text(row.team.name)}</bdi>"


def _states(store: Store) -> dict[str, str]:
    return {phase.name: _state(store, phase) for phase in store.plan.phases}


def _state(store: Store, phase: Phase) -> str:
    begins, ends = (f"{moment(each):%Y-%m-%d %H:%M} UTC" for each in (phase.begins, phase.ends))
    dates = f"From {begins} until {ends}"
    if store.now() >= moment(phase.ends):
        return f"{dates}; closed."
    return f"{dates}; open, and figures may change." if phase.is_open(store.now()) else f"{dates}; not open yet."


def _at(store: Store) -> str:
    return f"{store.now():%Y-%m-%d %H:%M} UTC"


def _refuse_folder(folder: Path, *, overwrite: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir() or not (folder / MARK).is_file() or not (folder / INDEX).is_file():
        raise RequestError(f"{folder} holds something else than boards, and stays; choose another name")
    if not overwrite:
        raise RequestError(f"{folder} is there already; choose another name or allow --overwrite")
