"""Presets, and the options of the command line that change them."""

import re
import sys

import numpy as np
import pytest

from wideopen import Iris, OpticsError, Photo
from wideopen.cli import app, main
from wideopen.cli.renderers import named_renderer
from wideopen.renderer.presets import PRESETS, find

NAMES = [preset.name for preset in PRESETS]


def resolve(monkeypatch, *words):
    """The iris that `wideopen render` would use."""
    seen = []
    monkeypatch.setattr("wideopen.batch.plan", lambda *_, **__: [])
    monkeypatch.setattr("wideopen.cli.named_renderer", lambda *given: seen.append(named_renderer(*given)) or seen[0])
    app.main(["render", "a.jpg", *words], standalone_mode=False)
    return seen[0].iris


def settings(iris):
    return {
        name: getattr(iris, name)
        for name in ("blades", "rotation_deg", "cat_eye", "curvature", "squeeze", "spherical", "fringe", "obstruction")
    }


@pytest.mark.parametrize("preset", PRESETS, ids=NAMES)
def test_every_preset_draws_its_discs(preset):
    for radius_px in (-30, -3, 3, 30):
        for x, y in ((0, 0), (1, 1)):
            kernel = preset.iris.kernel_rgb_at(radius_px, x=x, y=y, aspect=1.5)
            assert kernel.sum(axis=(0, 1)) == pytest.approx(1)
            assert kernel.min() >= 0
    assert preset.title and preset.note.endswith(".")
    assert re.fullmatch("[a-z-]+", preset.name)


def test_presets_are_told_apart_by_their_discs():
    discs = {preset.iris.kernel_rgb_at(-20, x=-1, y=0.4, aspect=1.5).tobytes() for preset in PRESETS}
    assert len(discs) == len(set(NAMES)) == len(PRESETS)


def test_presets_are_found_by_name():
    assert Iris.of_preset("soap-bubble") is find("soap-bubble").iris
    assert find("mirror").title == "Mirror lens"


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(OpticsError, match=r"there is no lens preset 'soap-buble'; did you mean 'soap-bubble'\?"):
        Iris.of_preset("soap-buble")
    with pytest.raises(OpticsError, match=r"did you mean 'hexagon'\?"):
        find("Hexagone")
    with pytest.raises(OpticsError, match=r"use one of round, .*star"):
        find("zzz")


def test_lenses_are_what_their_names_say():
    bubble = Iris.of_preset("soap-bubble").kernel(30)
    cream = Iris.of_preset("cream").kernel(30)
    middle = bubble.shape[0] // 2
    assert bubble[middle, middle] < 0.5 * bubble[middle].max()
    assert cream.argmax() == cream.size // 2
    ring = Iris.of_preset("mirror").kernel(30)
    assert ring[ring.shape[0] // 2, ring.shape[1] // 2] == 0


@pytest.mark.parametrize("name", ["heart", "star"])
def test_drawn_pictures_fill_their_square_and_are_symmetric(name):
    picture = Iris.of_preset(name).picture
    assert picture == pytest.approx(picture[:, ::-1], abs=1e-6)
    lit = np.argwhere(picture > 0.5)
    assert (np.ptp(lit, axis=0) > 0.88 * picture.shape[0]).all()


def test_a_star_points_up_and_has_five_points():
    picture = Iris.of_preset("star").picture
    side = picture.shape[0]
    angle = np.arange(720) * np.pi / 360
    at = (side / 2 + 0.8 * side / 2 * np.array([-np.cos(angle), np.sin(angle)])).astype(int)
    around = picture[tuple(at)] > 0.5
    assert around[0]
    assert (np.diff(around.astype(int)) == 1).sum() + (not around[-1] and around[0]) == 5


def test_a_heart_stands_on_its_tip():
    rows = (Iris.of_preset("heart").picture > 0.5).sum(axis=1)
    side = len(rows)
    assert rows[: side // 3].max() > 0.9 * side
    assert rows[-side // 10 :].max() < 0.3 * side


def test_help_lists_every_preset():
    option = next(option for option in app.commands["render"].params if option.name == "preset")
    listed = re.split(r", | or ", option.help.split(": ")[1].split(". ")[0])
    assert listed == NAMES


@pytest.mark.parametrize("preset", PRESETS, ids=NAMES)
def test_a_preset_sets_all_there_is(monkeypatch, preset):
    iris = resolve(monkeypatch, "--preset", preset.name)
    assert settings(iris) == settings(preset.iris)
    assert iris.picture is preset.iris.picture


def test_what_is_given_wins_over_the_preset(monkeypatch):
    words = ("--fringe", "0.4", "--preset", "swirl", "--cat-eye", "0")
    assert settings(resolve(monkeypatch, *words)) == settings(Iris(spherical=-0.3, fringe=0.4, cat_eye=0))


def test_blades_take_the_place_of_a_presets_picture(monkeypatch):
    assert resolve(monkeypatch, "--preset", "heart", "--rotation", "20").picture is not None
    iris = resolve(monkeypatch, "--preset", "heart", "--blades", "5")
    assert (iris.blades, iris.picture) == (5, None)


def test_a_picture_takes_the_place_of_a_presets_blades(monkeypatch, tmp_path):
    path = Photo(pixels=np.ones((8, 8, 3), np.float32)).save(tmp_path / "iris.png")
    iris = resolve(monkeypatch, "--preset", "hexagon", "--iris", str(path), "--cat-eye", "0.5")
    assert iris.picture == pytest.approx(np.ones((8, 8)))
    assert iris.cat_eye == 0.5


def test_without_a_preset_options_are_as_given(monkeypatch):
    assert settings(resolve(monkeypatch)) == settings(Iris())
    words = "--blades 6 --curvature 0.3 --squeeze 1.5 --spherical -0.2 --fringe 0.1 --obstruction 0.2 --rotation 4"
    wanted = Iris(
        blades=6, curvature=0.3, squeeze=1.5, spherical=-0.2, fringe=0.1, obstruction=0.2, rotation_deg=4, cat_eye=0.7
    )
    assert settings(resolve(monkeypatch, *words.split(), "--cat-eye", "0.7")) == settings(wanted)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--preset", "mirro"), "there is no lens preset 'mirro'; did you mean 'mirror'?"),
        (("--squeeze", "9"), "squeeze is 9, but it goes from 0.4 to 2.5"),
        (("--preset", "cream", "--spherical", "-3"), "spherical aberration is -3"),
        (("--curvature", "nan"), "curvature is nan"),
        (("--fringe", "2"), "fringe is 2"),
        (("--obstruction", "1"), "obstruction is 1"),
    ],
)
def test_bad_character_is_bad_usage_in_one_line(monkeypatch, capsys, words, message):
    monkeypatch.setattr(sys, "argv", ["wideopen", "render", "a.jpg", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.startswith("wideopen: ")
    assert message in error
    assert error.count("\n") == 1


def test_a_broken_iris_picture_is_an_error_and_not_bad_usage(monkeypatch, capsys, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    monkeypatch.setattr(sys, "argv", ["wideopen", "render", "a.jpg", "--iris", str(broken)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1
