"""The commands of `wideopen challenge`."""

import click

from wideopen.cli.challenge_board import backup, board, mos, open_board, restore
from wideopen.cli.challenge_new import check, new
from wideopen.cli.challenge_runtime import runtime
from wideopen.cli.challenge_serve import link, serve, teams
from wideopen.cli.challenge_team import cancel, sign_up, status, submit
from wideopen.cli.challenge_work import work


@click.group()
def challenge() -> None:
    """Hold a challenge: phases, teams, submissions, workers and boards; needs the extra challenge."""


for each in (
    new, serve, work, link, teams, board, open_board, mos, runtime, backup, restore,
    check, sign_up, submit, status, cancel,
):  # fmt: skip
    challenge.add_command(each)
