"""The rules of the code's shape: imports point one way, files stay short, public names are few."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import wideopen

SOURCE = Path(wideopen.__file__).parent
ORDER = (
    "errors",
    "typed",
    "compiled",
    "interrupts",
    "shapes",
    "optics",
    "photo",
    "scene",
    "renderer",
    "engine",
    "batch",
    "sample",
    "pairs",
    "zoo",
    "score",
    "train",
    "database",
    "study",
    "export",
    "challenge",
    "studio",
    "report",
    "cli",
    "__main__",
)
FILES = sorted(SOURCE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return {name.split(".")[1] for name in names if name.startswith("wideopen.")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path):
    here = part_of(path)
    if here == "__init__":
        return
    allowed = set(ORDER[: ORDER.index(here) + 1])
    assert imported_parts(path) & set(ORDER) <= allowed


def test_every_part_has_its_place_in_the_order():
    assert {part_of(path) for path in FILES} - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_public_names_are_these():
    assert wideopen.__all__ == [
        "DefocusMap",
        "DepthError",
        "DepthMap",
        "Focus",
        "FocusError",
        "FocusRange",
        "Iris",
        "Lens",
        "LensRenderer",
        "OpticsError",
        "Photo",
        "PhotoError",
        "Renderer",
        "Scene",
        "WideopenError",
        "identity",
        "read",
        "render",
    ]


@pytest.mark.parametrize("name", wideopen.__all__)
def test_public_names_are_documented(name):
    said = getattr(wideopen, name).__doc__ or ""
    assert len(said) > 20
    assert not said.startswith(f"{name}("), "a dataclass without a docstring makes one up"


def test_rendering_imports_no_torch_and_help_imports_no_compiler():
    code = (
        "import sys, wideopen.cli; assert 'numba' not in sys.modules;"
        "import wideopen; wideopen.render, wideopen.read; import wideopen.batch;"
        "assert 'numba' in sys.modules; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_jpeg_loads_no_library_that_it_does_not_need(tmp_path):
    wideopen.Photo(pixels=np.zeros((8, 8, 3), np.float32)).save(tmp_path / "photo.jpg")
    needless = ("tifffile", "imagecodecs", "pillow_heif", "OpenEXR", "rich", "concurrent.futures.process")
    code = (
        "import sys; sys.argv = ['wideopen', 'render', 'photo.jpg']\n"
        "from wideopen.cli import main\n"
        "try: main()\n"
        f"except SystemExit as stop: print(stop.code, [name for name in {needless} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "0 []"


@pytest.mark.parametrize(
    ("before", "shown"), [("", "<class 'numpy.ndarray'>"), ("import jaxtyping;", "Float[ndarray, 'h w']")]
)
def test_shapes_are_jaxtypings_where_that_is_loaded_and_cost_nothing_elsewhere(before, shown):
    code = f"{before}import numpy, wideopen.shapes; print(wideopen.shapes.Float[numpy.ndarray, 'h w'])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown in done.stdout


def test_nothing_in_the_package_works_on_one_system_alone():
    alone = {"fcntl", "pwd", "grp", "resource", "termios", "msvcrt", "winreg"}
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        calls = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not names & alone, path
        assert not calls & {"fork", "killpg", "getuid", "chmod", "SIGKILL", "SIGHUP"}, path
