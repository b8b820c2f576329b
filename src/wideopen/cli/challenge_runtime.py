"""The command `wideopen challenge runtime`: runtimes that workers cannot measure, or should measure again."""

from pathlib import Path

import click

from wideopen.cli.challenge_board import opened, placed
from wideopen.cli.options import PATH
from wideopen.errors import RequestError


@click.command("runtime")
@placed
@click.argument("submission", metavar="SUBMISSION", type=click.IntRange(1))
@click.argument("score", metavar="[RUNTIME.json]", type=PATH, required=False)
def runtime(folder: Path, database: str | None, files: str | None, submission: int, score: Path | None) -> None:
    """Put a runtime beside a submission, as of a phone; without a file, have workers measure it again.

    RUNTIME.json is of `wideopen time MODEL -o RUNTIME.json`, with or without --device. The last one counts.
    """
    with opened(folder, database, files) as (_, queue, place):
        if score is None:
            queue.set_runtime(submission, None)
            click.echo(f"the runtime of submission {submission} waits for a worker")
            return
        from wideopen.challenge.scoring import put_once
        from wideopen.score.score import read_score

        found = read_score(score)
        if found.runtime_s is None:
            raise RequestError(f"{score} holds no runtime; measure one by: wideopen time MODEL -o RUNTIME.json")
        number, key = 1, f"scores/{submission}.given.json"
        while not put_once(place, key, score):
            number += 1
            key = f"scores/{submission}.given.{number}.json"
        queue.set_runtime(submission, key)
    click.echo(f"submission {submission}: {found.runtime_s:g} s on {found.timing.get('device') or found.device}")
