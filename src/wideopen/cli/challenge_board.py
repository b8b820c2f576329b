"""Commands of `wideopen challenge` for boards, opinions, and a copy of all."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wideopen.cli.bar import bar
from wideopen.cli.extras import needing
from wideopen.cli.options import PATH
from wideopen.errors import RequestError

if TYPE_CHECKING:
    from wideopen.challenge.board import Board
    from wideopen.challenge.files import Files
    from wideopen.challenge.queue import Queue
    from wideopen.challenge.store import Store

_Command = TypeVar("_Command", bound=Callable[..., Any])
_CHALLENGE = click.argument("folder", metavar="CHALLENGE", type=PATH)
_DATABASE = click.option(
    "--database", metavar="URL", help="PostgreSQL in place of CHALLENGE/challenge.db, as postgresql://user@host/name."
)
_FILES = click.option("--files", metavar="ADDRESS", help="Where files are, as s3://bucket/name.  [default: CHALLENGE/"
                      "files]")  # fmt: skip
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def placed(command: _Command) -> _Command:
    """Give a command the challenge's folder, database and files."""
    return _CHALLENGE(_DATABASE(_FILES(command)))


@click.command("board")
@placed
@click.option("--phase", metavar="NAME", help="Only this one.  [default: all whose boards are shown]")
@click.option("--track", metavar="NAME", help="Only this one.")
@click.option("-o", "--output", type=PATH, metavar="OUT", help="A folder for pages with fact sheets, Scores and "
              "pictures; or a file that ends in .html, .md or .csv.")  # fmt: skip
@click.option("--hidden", is_flag=True, help="Hidden boards too, for the organiser's own eyes; pages say so.")
@click.option("--overwrite", is_flag=True, help="Replace what was written before.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each table.")
def board(
    folder: Path,
    database: str | None,
    files: str | None,
    phase: str | None,
    track: str | None,
    output: Path | None,
    hidden: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Show the tables of a challenge as its report does, or write them as pages that need no server."""
    _refuse_output(output, overwrite=overwrite)
    with opened(folder, database, files) as (store, queue, place):
        from wideopen.challenge.board_table import as_text

        tables = _tables(store, queue, place, phase, track, hidden=hidden)
        if output is not None:
            _write(store, place, tables, output, overwrite=overwrite)
            click.echo(f"saved {output}", err=as_json)
        if as_json:
            for table in tables:
                click.echo(table.to_json())
        elif output is None:
            click.echo(as_text(tables))


@click.command("open")
@_CHALLENGE
@_DATABASE
@click.argument("phase", metavar="PHASE")
@click.option("--early", is_flag=True, help="Even while the phase takes submissions.")
def open_board(folder: Path, database: str | None, phase: str, early: bool) -> None:
    """Show the hidden boards of a phase to everybody, for good."""
    with opened(folder, database, None) as (store, _, _):
        from wideopen.challenge.plan import moment

        asked = store.plan.phase(phase)
        if store.shows_board(phase):
            click.echo(f"the boards of {phase} are shown already")
            return
        if store.now() < moment(asked.ends) and not early:
            raise RequestError(
                f"the phase {phase} takes submissions until {asked.ends}, and boards are never hidden again; wait, or "
                "open them by --early"
            )
        store.open_board(phase)
    click.echo(f"everybody sees the boards of {phase} now")


@click.command("mos")
@placed
@click.argument("phase", metavar="PHASE")
@click.argument("report", metavar="REPORT.json", type=PATH)
@click.option("--names", "names_file", type=PATH, metavar="FILE", help="JSON that gives each method of the study its "
              "team or its submission's number, where names do not tell; null for none.")  # fmt: skip
@_JSON
def mos(
    folder: Path,
    database: str | None,
    files: str | None,
    phase: str,
    report: Path,
    names_file: Path | None,
    as_json: bool,
) -> None:
    """Take mean opinion scores out of a study's report; the last phase is then ranked by them.

    REPORT.json is of `wideopen study report`. A method of the study is found by what the team, its method or the
    submission's number is called; of several reports the last counts.
    """
    with opened(folder, database, files) as (store, queue, place):
        from wideopen.challenge.board import boards, rated
        from wideopen.challenge.mos import join_study, read_names

        store.plan.phase(phase)
        names = None if names_file is None else read_names(names_file)
        found = join_study(store, place, phase, report, rated(boards(store, queue, place, phase)), names)
    record = {"key": found.key, "submissions": found.submissions, "without": found.without}
    if as_json:
        click.echo(json.dumps(record, ensure_ascii=False))
        return
    for method, numbers in found.submissions.items():
        click.echo(f"{' '.join(method.split())} -> submission {', '.join(map(str, numbers))}")
    if found.without:
        click.echo(f"careful: without a mean opinion score stay {', '.join(found.without)}", err=True)
    click.echo(f"kept as {found.key}; see the ranking by: wideopen challenge board {folder} --phase {phase}")


@click.command("backup")
@placed
@click.option("-o", "--output", type=PATH, required=True, metavar="FILE.zip", help="Holds the hidden truth and the "
              "key, so keep it safe.")  # fmt: skip
@_JSON
def backup(folder: Path, database: str | None, files: str | None, output: Path, as_json: bool) -> None:
    """Copy all of a challenge into one file, also while it is served."""
    with needing("challenge", "challenges"):
        from wideopen.challenge.archive import backup as copy

        with bar("copying") as progress:
            made = copy(folder, output, database, files, progress=progress)
    for key in made.missing[:3]:
        more = f", and {len(made.missing) - 3} more" if len(made.missing) > 3 and key == made.missing[2] else ""
        click.echo(f"careful: {key} is gone from the challenge's files{more}", err=True)
    _tell(made, f"saved {output}", as_json=as_json)


@click.command("restore")
@click.argument("archive", metavar="FILE.zip", type=PATH)
@placed
@_JSON
def restore(archive: Path, folder: Path, database: str | None, files: str | None, as_json: bool) -> None:
    """Make a challenge out of a backup, where there is none; any database and any place for files will do."""
    with needing("challenge", "challenges"):
        from wideopen.challenge.archive import restore as unpack

        with bar("restoring") as progress:
            made = unpack(archive, folder, database, files, progress=progress)
    _tell(made, f"restored {folder}", as_json=as_json)


def _tell(made: Any, text: str, *, as_json: bool) -> None:  # noqa: ANN401
    record = {"rows": dict(made.rows), "files": made.files, "bytes": made.bytes, "missing": list(made.missing)}
    teams, submissions = made.rows["challenge_teams"], made.rows["challenge_submissions"]
    told = f"{text}: {teams} teams, {submissions} submissions, {made.files} files, {made.bytes / 1e6:.1f} MB"
    click.echo(json.dumps(record) if as_json else told)


def _tables(
    store: "Store", queue: "Queue", files: "Files", phase: str | None, track: str | None, *, hidden: bool
) -> "list[Board]":
    """Rank what was asked for and may be seen."""
    from wideopen.challenge.board import board as rank

    phases = list(store.plan.phases) if phase is None else [store.plan.phase(phase)]
    tracks = list(store.plan.tracks) if track is None else [store.plan.track(track)]
    seen = [each for each in phases if hidden or store.shows_board(each.name)]
    if not seen:
        names = " and ".join(each.name for each in phases)
        raise RequestError(
            f"the boards of {names} are hidden; open them by: wideopen challenge open CHALLENGE {phases[-1].name}, or "
            "see them alone by --hidden"
        )
    return [rank(store, queue, files, each.name, on.name) for each in seen for on in tracks]


def _write(store: "Store", files: "Files", tables: "Sequence[Board]", output: Path, *, overwrite: bool) -> None:
    from wideopen.challenge.board_site import write_page, write_site
    from wideopen.challenge.board_table import as_csv, as_markdown
    from wideopen.photo.whole import whole_file

    kind = output.suffix.lower()
    if not kind:
        write_site(store, files, tables, output, overwrite=overwrite)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        if kind == ".html":
            write_page(store, files, tables, output)
            return
        content = as_csv(tables) if kind == ".csv" else as_markdown(tables, title=store.plan.title)
        with whole_file(output) as beside:
            beside.write_bytes(content.encode("utf-8", "replace"))
    except OSError as error:
        raise RequestError(f"{output} cannot be written ({error.strerror or error}); choose another place") from error


def _refuse_output(output: Path | None, *, overwrite: bool) -> None:
    if output is None or not output.suffix:
        return
    if output.suffix.lower() not in (".html", ".md", ".csv"):
        raise RequestError(f"{output} is nothing that is written here; name a folder, or a file of .html, .md or .csv")
    if output.exists() and not overwrite:
        raise RequestError(f"{output} is there already; choose another name or allow --overwrite")


@contextmanager
def opened(folder: Path, database: str | None, files: str | None) -> "Iterator[tuple[Store, Queue, Files]]":
    """Open a challenge's store, queue and files until the end of the block."""
    with needing("challenge", "challenges"):
        from wideopen.challenge.files import Files
        from wideopen.challenge.queue import Queue
        from wideopen.challenge.store import open_store

        store = open_store(folder, database)
        try:
            yield store, Queue(store), Files(files or folder / "files")
        finally:
            store.close()
