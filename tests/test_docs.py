"""What the documents say is so."""

import doctest
import importlib
import pkgutil
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

import wideopen

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def shell_lines() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line and not line.startswith("#")]


def test_readme_shows_code_by_line_25():
    lines = README.splitlines()
    assert min(i for i, line in enumerate(lines) if line.startswith("```")) < 25


def test_readme_commands_run(tmp_path):
    ran = []
    for line in shell_lines():
        words = shlex.split(line.split("  #")[0])
        if words[0] != "wideopen":
            continue
        if words[1] == "studio":
            serves_until_it_is_interrupted(words, tmp_path)
            ran.append(line)
            continue
        done = subprocess.run(
            [sys.executable, "-m", "wideopen", *words[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        ran.append(line)
    assert len(ran) >= 4


def serves_until_it_is_interrupted(words, folder):
    command = [sys.executable, "-m", "wideopen", *words[1:]]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        address = re.search(r"http://[^\s;]+", served.stdout.readline())[0]
        with urlopen(address, timeout=30) as page:
            assert b"<title>wideopen studio</title>" in page.read()
        served.send_signal(signal.SIGINT)
        assert served.wait(30) == 0


def test_readme_set_up_lines_are_real():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = [line.split("  #")[0].strip() for line in shell_lines() if not line.startswith("wideopen")]
    assert {"make demo", "make test"} <= set(lines)
    for line in lines:
        if line.startswith("make "):
            assert f"\n{line.split()[1]}:" in makefile
        else:
            assert re.match(r"(python3? -m (venv|pip)|\. \.venv/bin/activate)", line), line


@pytest.mark.parametrize("code", blocks("python"))
def test_readme_python_runs(code, tmp_path):
    subprocess.run([sys.executable, "-m", "wideopen", "sample"], cwd=tmp_path, check=True, timeout=60)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=300)


def test_pictures_that_documents_show_are_there():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text) + re.findall(r'<img src="([^"]+)"', text):
            assert (page.parent / name).is_file(), f"{page.name} shows {name}"


@pytest.mark.parametrize("name", ["cli.md", "python.md", "solutions.md", "recipes.md"])
def test_references_are_current(name):
    # In a process of its own, for the shape checker of these tests changes what functions look like.
    code = "import runpy, sys; sys.stdout.write(runpy.run_path(sys.argv[1])['PAGES'][sys.argv[2]]())"
    script = str(ROOT / "docs" / "write.py")
    written = subprocess.run(
        [sys.executable, "-c", code, script, name], capture_output=True, check=True, encoding="utf-8"
    )
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == written.stdout, "run `make docs`"


def test_examples_in_docstrings_hold():
    tried = 0
    for module in pkgutil.walk_packages(wideopen.__path__, "wideopen."):
        if module.name != "wideopen.__main__":
            result = doctest.testmod(importlib.import_module(module.name), optionflags=doctest.NORMALIZE_WHITESPACE)
            assert result.failed == 0, module.name
            tried += result.attempted
    assert tried >= 4
