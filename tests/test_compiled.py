import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wideopen
from wideopen import compiled
from wideopen.sample import save_sample


def test_without_a_place_for_a_cache_it_compiles_all_the_same(monkeypatch):
    real = compiled.njit

    def without_cache(*, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(compiled, "njit", without_cache)
    assert compiled.compiled()(lambda x: x + 1)(2) == 3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="caches lie elsewhere")
def test_a_read_only_installation_announces_compiling_once_and_keeps_it(tmp_path):
    installed = tmp_path / "installed"
    shutil.copytree(
        Path(wideopen.__file__).parent, installed / "wideopen", ignore=shutil.ignore_patterns("__pycache__")
    )
    folders = [installed, *(path for path in installed.rglob("*") if path.is_dir())]
    for folder in folders:
        # Where root may write anyway, a file stands in the cache folder's way.
        (folder / "__pycache__").write_text("")
        folder.chmod(0o555)
    environment = {**os.environ, "PYTHONPATH": str(installed), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    said = []
    save_sample(tmp_path / "photo.jpg", overwrite=True)
    for output in ("first.png", "second.png"):
        # It is said to people, so that standard error must be a terminal.
        terminal, inner = os.openpty()
        done = subprocess.run(
            [sys.executable, "-m", "wideopen", "render", "photo.jpg", "-o", output],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=inner,
            timeout=300,
        )
        os.write(inner, b"\n")
        said.append(os.read(terminal, 10_000).decode())
        os.close(inner)
        os.close(terminal)
        assert done.returncode == 0, said
    for folder in folders:
        folder.chmod(0o755)
    assert "compiling the renderer" in said[0]
    assert said[1].strip() == ""
    assert list((tmp_path / ".cache").rglob("*.nbi"))
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
