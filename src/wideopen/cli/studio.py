"""The command `wideopen studio`."""

import os
import sys
import webbrowser
from pathlib import Path

import click
from click.core import ParameterSource

from wideopen.cli.options import PATH
from wideopen.errors import RequestError


@click.command()
@click.argument("photos", metavar="[PHOTO]...", nargs=-1, type=PATH)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8321,
    show_default=True,
    help="0 takes any that is free; without this option, the next free one does as well.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; one that others can reach needs the token in the link.",
)
@click.option("--save-to", type=PATH, metavar="DIR", help="Save photos into this folder.  [default: by the browser]")
@click.option(
    "--upload-limit",
    "upload_mb",
    type=click.FloatRange(0, min_open=True),
    default=300,
    show_default=True,
    metavar="MB",
    help="Largest file that is opened.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def studio(
    photos: tuple[Path, ...], port: int, host: str, save_to: Path | None, upload_mb: float, no_browser: bool
) -> None:
    """Open the studio in the browser: click to focus, turn the aperture ring, save; needs the extra studio.

    It runs until Ctrl-C, on this computer alone unless --host says otherwise; nothing leaves it.
    """
    try:
        from wideopen.studio.door import is_loopback
        from wideopen.studio.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("wideopen"):
            raise
        raise RequestError(f'the studio needs {error.name}; pip install "wideopen[studio]"') from error
    chosen = click.get_current_context().get_parameter_source("port") != ParameterSource.DEFAULT

    def ready(address: str) -> None:
        if not is_loopback(host):
            click.echo(
                f"careful: {host} is open to all who can reach this machine and have the link, unencrypted", err=True
            )
        listens_on = int(address.split("?")[0].rstrip("/").rsplit(":", 1)[1])
        taken = "" if listens_on == port or not port else f" (port {port} is taken)"
        click.echo(f"the studio is open at {address}{taken}; Ctrl-C closes it")
        if not no_browser and _can_show():
            webbrowser.open(address)

    serve(host, port, photos, save_to, upload_mb, next_free=not chosen, ready=ready)
    click.echo("the studio is closed", err=True)


def _can_show() -> bool:
    """Whether there is somebody and a screen to open a browser for."""
    has_screen = os.name == "nt" or sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
    return sys.stdout.isatty() and bool(has_screen)
