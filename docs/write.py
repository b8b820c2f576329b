"""Write docs/cli.md from the commands' own help, and docs/python.md from the public names' docstrings."""

import inspect
from pathlib import Path

import click
import jaxtyping  # noqa: F401  before wideopen, which shows shapes where it is loaded

import wideopen
from wideopen.cli import app


def cli_page() -> str:
    """The command-line reference as Markdown."""
    settings = {**app.context_settings, "terminal_width": 100}
    root = click.Context(app, info_name="wideopen", **settings)
    parts = ["# Command line\n", "Written by `make docs`.\n", f"```text\n{app.get_help(root)}\n```\n"]
    for name, command in sorted(app.commands.items()):
        context = click.Context(command, parent=root, info_name=name, **settings)
        parts.append(f"## wideopen {name}\n\n```text\n{command.get_help(context)}\n```\n")
        for inner, part in sorted(getattr(command, "commands", {}).items()):
            below = click.Context(part, parent=context, info_name=inner, **settings)
            parts.append(f"### wideopen {name} {inner}\n\n```text\n{part.get_help(below)}\n```\n")
    parts.append(
        "## Exit codes\n\n"
        "0 done · 1 an error, also when one photo of many failed (the others are done) · 2 bad usage.\n"
        "Every error is one line on standard error. With `--json`, a photo that fails also has its object with\n"
        "`input` and `error`; an error before the first photo has none.\n"
    )
    return "\n".join(parts)


def python_page() -> str:
    """The public names and what they say of themselves, as Markdown."""
    parts = ["# Python\n", "Written by `make docs`. Everything here is imported as `wideopen.NAME`.\n"]
    for name in wideopen.__all__:
        thing = getattr(wideopen, name)
        kind = "class" if inspect.isclass(thing) else "function"
        said = inspect.getdoc(thing)
        parts.append(f"## {name}\n\n*{kind} of `{thing.__module__}`*\n\n```text\n{_call(name, thing)}{said}\n```\n")
        if inspect.isclass(thing):
            parts.extend(_members(thing))
    return "\n".join(parts)


def _call(name: str, thing: object) -> str:
    """How it is called, an argument a line; nothing for errors and protocols."""
    if inspect.isclass(thing) and (issubclass(thing, Exception) or thing is wideopen.Renderer):
        return ""
    # Newer Pythons keep Path elsewhere.
    arguments = [
        f"    {argument},\n".replace("pathlib._local", "pathlib")
        for argument in inspect.signature(thing).parameters.values()
    ]
    return f"{name}(\n{''.join(arguments)})\n\n"


def _members(thing: type) -> list[str]:
    """The public methods and properties that a class itself defines."""
    lines = []
    for name, member in vars(thing).items():
        function = getattr(member, "fget", None) or getattr(member, "__func__", None) or member
        if not name.startswith("_") and (inspect.isfunction(function)) and function.__doc__:
            lines.append(f"- `{name}`: {inspect.getdoc(function).splitlines()[0]}")
    return ["\n".join(lines) + "\n"] if lines else []


PAGES = {"cli.md": cli_page, "python.md": python_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (Path(__file__).parent / name).write_text(page(), encoding="utf-8")
