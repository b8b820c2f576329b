"""Write docs/cli.md from the commands' own help."""

from pathlib import Path

import click

from wideopen.cli import app


def reference() -> str:
    """The command-line reference as Markdown."""
    settings = {**app.context_settings, "terminal_width": 100}
    root = click.Context(app, info_name="wideopen", **settings)
    parts = ["# Command line\n", "Written by `make docs`.\n", f"```text\n{app.get_help(root)}\n```\n"]
    for name in sorted(app.commands):
        context = click.Context(app.commands[name], parent=root, info_name=name, **settings)
        parts.append(f"## wideopen {name}\n\n```text\n{app.commands[name].get_help(context)}\n```\n")
    parts.append(
        "## Exit codes\n\n"
        "0 done · 1 an error, also when one photo of many failed (the others are done) · 2 bad usage.\n"
        "Every error is one line on standard error.\n"
    )
    return "\n".join(parts)


if __name__ == "__main__":
    (Path(__file__).parent / "cli.md").write_text(reference(), encoding="utf-8")
