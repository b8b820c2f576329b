"""The commands of `wideopen study`: one function per command."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from wideopen.cli.bar import bar
from wideopen.cli.extras import needing
from wideopen.cli.options import PATH
from wideopen.errors import RequestError

_STUDY = click.argument("folder", metavar="STUDY", type=PATH)
_DATABASE = click.option(
    "--database", metavar="URL", help="PostgreSQL in place of STUDY/votes.db, as postgresql://user@host/name."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def study() -> None:
    """Ask people which bokeh looks real, blind, and find mean opinion scores; needs the extra study."""


@study.command("new")
@_STUDY
@click.option("--pairs", "pairs_folder", type=PATH, required=True, metavar="DIR", help="A data set of pairs.")
@click.option("--results", multiple=True, required=True, metavar="NAME=DIR", help="Pictures of a method; repeatable.")
@click.option("--score", "scores", multiple=True, metavar="NAME=FILE", help="Score that its opinion goes into.")
@click.option("--split", metavar="PART", help="Only this part: train, val or test.")
@click.option("--title", default="Which bokeh looks real?", show_default=True, metavar="TEXT")
@click.option("--votes", "votes_wanted", type=int, default=20, show_default=True, metavar="N", help="For each picture "
              "of each method.")  # fmt: skip
@click.option("--trials", type=int, default=60, show_default=True, metavar="N", help="Results in one sitting.")
@click.option("--repeats", type=int, default=4, show_default=True, metavar="N", help="Of them shown twice, besides.")
@click.option("--traps", type=int, default=2, show_default=True, metavar="N", help="Of each kind, besides: hidden "
              "reference, hidden input, blurred anchor.")  # fmt: skip
@click.option("--phones", is_flag=True, help="Let small screens take part.")
@click.option("--consent", default="", metavar="TEXT", help="What people agree to.  [default: the usual]")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Of everybody's order.")
@click.option("--simulated", is_flag=True, help="For votes of a program; every figure then says so.")
@_JSON
def new(
    folder: Path,
    pairs_folder: Path,
    results: Sequence[str],
    scores: Sequence[str],
    split: str | None,
    as_json: bool,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Check all pictures and make a study's folder, which holds all that it needs.

    DIR of a method holds one picture for each pair, under its name, as `wideopen score` takes it.
    """
    from wideopen.pairs.pair import pairs_in
    from wideopen.study.new import Asked, new_study

    methods, files = _named(results, "--results"), _named(scores, "--score")
    with needing("study", "studies"), bar("copying pictures") as progress:
        made = new_study(
            pairs_in(pairs_folder, split=split), methods, folder, Asked(**settings, scores=files), progress=progress
        )
    raters = -(-len(made.pictures) * len(methods) * made.votes_wanted // made.trials)
    record = {
        "study": str(folder),
        "pictures": len(made.pictures),
        "methods": list(methods),
        "raters_needed": raters,
    }
    text = (
        f"{folder}: {len(made.pictures)} pictures of {len(methods)} methods; {made.votes_wanted} votes on each take "
        f"about {raters} sittings. Next: wideopen study links {folder} --count {raters}; wideopen study serve {folder}"
    )
    click.echo(json.dumps(record) if as_json else text)


@study.command("serve")
@_STUDY
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8400, show_default=True, help="0 takes any that is free."
)
@_DATABASE
@click.option("--proxy", is_flag=True, help="Behind a reverse proxy, whose word on addresses counts.")
@click.option("--root-path", default="", metavar="PREFIX", help="Under which a proxy shows the study.")
def serve(folder: Path, host: str, port: int, database: str | None, proxy: bool, root_path: str) -> None:
    """Serve a study until Ctrl-C."""
    with needing("study", "studies"):
        from wideopen.study.server import organiser_link
        from wideopen.study.server import serve as run
        from wideopen.study.web import opening_warning

        warning = opening_warning(host, "raters", proxy=proxy)
        if warning is not None:
            click.echo(f"careful: {warning}", err=True)

        def ready(address: str) -> None:
            click.echo(
                f"serving {folder} at {address}; the organiser's page: {organiser_link(folder, address=address)}"
            )
            click.echo("links for raters: wideopen study links, or that page. Ctrl-C ends it; every answer is kept.")

        run(folder, host, port, database, proxy, root_path=root_path, ready=ready)


@study.command("links")
@_STUDY
@click.option("--count", type=click.IntRange(1, 100000), default=1, show_default=True, metavar="N")
@click.option("--address", default="http://127.0.0.1:8400", show_default=True, metavar="URL", help="Where raters reach "
              "the study.")  # fmt: skip
@_DATABASE
@_JSON
def links(folder: Path, count: int, address: str, database: str | None, as_json: bool) -> None:
    """Make links for raters, one for each person, and show the organiser's."""
    with needing("study", "studies"):
        from wideopen.study.server import create_links, organiser_link

        made = create_links(folder, count, address=address, database=database)
        organiser = organiser_link(folder, address=address)
    if as_json:
        click.echo(json.dumps({"raters": made, "organiser": organiser}))
        return
    for link in made:
        click.echo(link)
    click.echo(f"organiser: {organiser}", err=True)


@study.command("report")
@_STUDY
@click.option("-o", "--output", type=PATH, metavar="DIR", help="For a page, JSON and two tables.  [default: "
              "STUDY/report]")  # fmt: skip
@click.option("--wanted", type=float, default=0.1, show_default=True, metavar="LEVELS", help="Half the width of the "
              "interval that one would like to have; tells how many votes are still needed.")  # fmt: skip
@click.option("--into-scores/--no-scores", default=True, show_default=True, help="Write opinions into the Score files "
              "that were named with the study.")  # fmt: skip
@_DATABASE
@click.option("--overwrite", is_flag=True, help="Replace a report that is there already.")
@_JSON
def report(
    folder: Path,
    output: Path | None,
    wanted: float,
    into_scores: bool,
    database: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Find mean opinion scores with their intervals, who answered with care, and how many votes are still needed."""
    with needing("study", "studies"):
        from wideopen.study import files
        from wideopen.study.plan import read_study
        from wideopen.study.report import report as find

        plan = read_study(folder)
        with _store(folder, database) as store:
            votes = store.votes(plan)
        found = find(plan, votes, wanted_half_width=wanted)
        place = folder / "report" if output is None else output
        files.write_report(found, votes, place, overwrite=overwrite)
        scores = files.into_scores(found, plan, folder=folder) if into_scores and plan.scores else ()
    if as_json:
        click.echo(found.to_json())
        return
    label = " (simulated)" if found.simulated else ""
    click.echo(
        f"{found.title}{label}: {found.votes_kept} votes of {len(found.kept)} of {len(found.raters)} raters kept"
    )
    for method in found.methods:
        opinion = method.kept.opinion
        interval = "" if opinion.interval is None else f" ({opinion.interval[0]:.2f} to {opinion.interval[1]:.2f})"
        mos = "-" if opinion.mos is None else f"{opinion.mos:.2f}"
        click.echo(f"  {method.place}{'=' if method.shared else ' '} {method.name:24}{mos}{interval}")
    for rater in found.raters:
        if not rater.kept:
            click.echo(f"  dropped {rater.name}: {'; '.join(rater.reasons)}")
    for path in scores:
        click.echo(f"  opinion written into {path}")
    click.echo(f"saved {place / 'report.html'}")


@study.command("forget")
@_STUDY
@click.argument("rater", metavar="CODE")
@_DATABASE
def forget(folder: Path, rater: str, database: str | None) -> None:
    """Delete a rater and all answers; CODE is what the rater's last page shows."""
    with needing("study", "studies"), _store(folder, database) as store:
        if not store.forget(rater):
            raise RequestError(f"{folder} has no rater '{rater}'; the code stands on the rater's last page")
    click.echo(f"{rater} and all answers are deleted; the link says so")


@study.command("simulate")
@_STUDY
@click.option("--quality", "qualities", multiple=True, required=True, metavar="NAME=MOS", help="How good a method is; "
              "repeatable.")  # fmt: skip
@click.option("--careful", type=click.IntRange(0), default=20, show_default=True, metavar="N")
@click.option("--careless", type=click.IntRange(0), default=0, show_default=True, metavar="N")
@click.option("--straight", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="Who give one "
              "answer to all.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N")
@_DATABASE
def simulate(folder: Path, qualities: Sequence[str], database: str | None, **panel: Any) -> None:  # noqa: ANN401
    """Let a simulated panel vote in a study that was made with --simulated, to try things."""
    with needing("study", "studies"):
        from wideopen.study.panel import seat
        from wideopen.study.plan import read_study
        from wideopen.study.simulate import Panel

        plan = read_study(folder)
        wanted = {name: _number(value) for name, value in _named(qualities, "--quality", as_path=False).items()}
        with _store(folder, database) as store:
            found = seat(plan, store, wanted, Panel(**panel))
    click.echo(f"{len(found.votes)} simulated votes in {folder}; see them by wideopen study report {folder}")


@contextmanager
def _store(folder: Path, database: str | None) -> Iterator[Any]:
    from wideopen.study.store import open_store

    store = open_store(folder, database)
    try:
        yield store
    finally:
        store.close()


def _named(words: Sequence[str], option: str, *, as_path: bool = True) -> dict[str, Any]:
    """Read what was given as NAME=PLACE."""
    found: dict[str, Any] = {}
    for word in words:
        name, equals, place = word.partition("=")
        if not (name.strip() and equals and place.strip()):
            raise RequestError(f"{option} takes a name and a value, as {option} lens=answers, not '{word}'")
        if name in found:
            raise RequestError(f"{option} gives '{name}' twice; every name counts once")
        found[name] = Path(place) if as_path else place
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise RequestError(f"'{text}' is no number; give one from 1 to 5") from error
