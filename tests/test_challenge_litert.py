"""LiteRT files that teams submit: run in the sandbox, scored and timed, and what becomes of broken ones."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("litert_torch")
pytest.importorskip("ai_edge_litert")
pytest.importorskip("sqlalchemy")

import numpy as np  # noqa: E402

from challenge_hall import LIMITS, SIZE, Hall  # noqa: E402
from challenge_workers import scored  # noqa: E402
from wideopen import read  # noqa: E402
from wideopen.challenge.queue import Queue  # noqa: E402
from wideopen.challenge.work import work  # noqa: E402
from wideopen.export.litert_file import export_litert  # noqa: E402
from wideopen.score.evaluate import levels_of  # noqa: E402
from wideopen.score.metrics import psnr_db  # noqa: E402
from wideopen.score.score import Score  # noqa: E402
from wideopen.zoo.catalog import solution  # noqa: E402
from wideopen.zoo.run import SolutionRenderer  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # of the converter's own


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A network with random weights as a LiteRT file, and its renderer."""
    torch.manual_seed(0)
    renderer = SolutionRenderer(solution("cet-ece"), solution("cet-ece").build().eval())
    path = tmp_path_factory.mktemp("litert") / "ours.tflite"
    export_litert(renderer, path, size_px=SIZE, command="wideopen export cet-ece")
    return path, renderer


@pytest.fixture
def hall(tmp_path):
    made = Hall(tmp_path / "challenge", limits=LIMITS)
    yield made
    made.store.close()


def test_a_litert_file_is_rendered_in_the_sandbox_then_scored_and_timed(hall, model):
    path, renderer = model
    number = hall.submit(path, "model")
    work(hall.folder, once=True)
    found = scored(hall, number)
    wanted = []
    for original in sorted((hall.truth("test") / "original").iterdir()):
        made = renderer(read(original))
        truth = read(hall.truth("test") / "bokeh" / original.name)
        wanted.append(psnr_db(levels_of(made), levels_of(truth)))
    assert found.psnr_db == pytest.approx(np.mean(wanted), abs=0.005)
    assert "network" in found.data["sandbox"]
    (key,) = Queue(hall.store).results("time").values()
    timed = Score.from_json(hall.files.read(key).decode())
    assert timed.runtime_s > 0
    assert timed.timing["size_px"] == list(SIZE)


@pytest.mark.parametrize("where", [0.2, 0.5, 0.8])
def test_a_litert_file_that_is_broken_ends_with_words_and_costs_the_next_nothing(hall, model, tmp_path, where):
    content = bytearray(model[0].read_bytes())
    at = int(where * len(content))
    content[at : at + 4000] = bytes(reversed(content[at : at + 4000]))
    (tmp_path / "broken.tflite").write_bytes(content)
    broken, good = hall.submit(tmp_path / "broken.tflite", "model"), hall.submit(model[0], "model")
    work(hall.folder, once=True, kinds=("score",))
    assert hall.state(broken).state in ("scored", "refused", "failed")
    if hall.state(broken).state != "scored":
        assert hall.state(broken).why
        assert str(hall.folder) not in hall.state(broken).why
    assert scored(hall, good).images == 3
