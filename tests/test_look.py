"""Looks: settings that go from photo to photo as a small file."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from command import refuses
from wideopen.errors import OpticsError, RequestError, WideopenError
from wideopen.renderer.iris import Iris
from wideopen.renderer.lens import LensRenderer
from wideopen.renderer.look import FORMAT, NAMES, Look, read_look, write_look
from wideopen.renderer.presets import PRESETS
from wideopen.scene import Focus, FocusRange, FocusSpan
from wideopen.scene.mend import Stroke

SHARES = st.floats(0, 1)
LOOKS = st.builds(
    Look,
    f_number=st.floats(0.5, 64),
    max_blur_percent=st.floats(0, 20),
    highlights=SHARES,
    preset=st.sampled_from([preset.name for preset in PRESETS]),
    blades=st.none() | st.integers(3, 12),
    rotation_deg=st.none() | st.floats(-360, 360),
    cat_eye=st.none() | SHARES,
    focus=st.none() | st.tuples(SHARES, SHARES),
    focal_mm=st.none() | st.floats(1, 600),
    depth=st.sampled_from(["auto", "embedded", "built-in", "prior"]),
    strokes=st.lists(
        st.builds(
            Stroke,
            kind=st.sampled_from(["nearer", "farther", "level", "as-point"]),
            path=st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=5).map(tuple),
            radius=st.floats(0.001, 0.2),
        ),
        max_size=3,
    ).map(tuple),
)


@given(LOOKS)
def test_a_look_comes_back_as_it_was(look):
    assert Look.from_json(look.to_json()) == look


def test_a_look_without_settings_is_the_renderer_without_settings():
    iris = Iris()
    assert replace(Look().renderer(), iris=iris) == replace(LensRenderer(), iris=iris)
    assert all(getattr(Look().iris, each.name) == each.default for each in fields(Iris))


def test_a_look_says_only_what_differs():
    assert json.loads(Look(f_number=1.2).to_json()) == {"wideopen": FORMAT, "f_number": 1.2}


def test_a_look_is_the_renderer_of_its_settings():
    made = Look(preset="swirl", cat_eye=0.4, focus=(0.25, 0.5), depth="prior", focal_mm=85).renderer()
    assert made.focus == Focus(point_share=(0.25, 0.5))
    assert (made.iris.cat_eye, made.iris.spherical) == (0.4, -0.3)
    assert (made.depth, made.focal_mm) == ("prior", 85)
    assert Look(in_focus=(0.2, 0.4)).renderer().in_focus == FocusSpan(0.2, 0.4)
    assert Look(in_focus_m=(1.5, 2.5)).renderer().in_focus == FocusRange(1.5, 2.5)


def test_blades_take_the_place_of_a_preset_s_picture():
    assert Look(preset="heart").iris.picture is not None
    assert Look(preset="heart", cat_eye=0.2).iris.picture is not None
    assert Look(preset="heart", blades=6).iris.picture is None


def test_a_look_for_any_photo_leaves_out_what_belongs_to_one():
    stroke = Stroke("nearer", ((0.5, 0.5),), 0.1)
    look = Look(preset="cream", in_focus=(0.1, 0.2), strokes=(stroke,), fingerprint=(9,) * 64)
    assert look.for_any_photo() == Look(preset="cream")
    assert set(NAMES) >= {"focus", "focus_m", "in_focus", "in_focus_m", "strokes", "fingerprint"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("[1]", "no look"),
        ('{"f_number": 2}', "no look"),
        ('{"wideopen": "look/9"}', "'look/9', and look/1 is read here"),
        ('{"wideopen": "look/1", "fnumber": 2}', "did you mean f_number?"),
        ('{"wideopen": "look/1", "f_number": "2"}', "look.f_number: '2' is no number"),
        ('{"wideopen": "look/1", "f_number": true}', "is no number"),
        ('{"wideopen": "look/1", "f_number": NaN}', "is no number"),
        ('{"wideopen": "look/1", "blades": 5.5}', "is no whole number"),
        ('{"wideopen": "look/1", "focus": [0.5]}', "look.focus"),
        ('{"wideopen": "look/1", "strokes": [{"kind": "up"}]}', "look.strokes.0"),
        ('{"wideopen": "look/1", "focus": [0.5, 0.5], "focus_m": 2}', "leave the others out"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_look_is_refused_in_one_line(text, said):
    with pytest.raises(RequestError) as refused:
        Look.from_json(text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    "settings", [{"f_number": 0}, {"preset": "hexagn"}, {"blades": 2}, {"cat_eye": 2}, {"in_focus": [0.9, 0.1]}]
)
def test_a_look_that_no_lens_can_have_is_refused(settings):
    with pytest.raises(WideopenError):
        Look.from_json(json.dumps({"wideopen": FORMAT, **settings}))


def test_the_nearest_preset_is_named():
    with pytest.raises(OpticsError, match="did you mean 'hexagon'"):
        Look(preset="hexagn")


def test_files_are_read_written_and_refused(tmp_path):
    path = write_look(Look(f_number=2.8), tmp_path / "soft.json")
    assert read_look(path) == Look(f_number=2.8)
    with pytest.raises(RequestError, match="is there already"):
        write_look(Look(), path)
    write_look(Look(), path, overwrite=True)
    assert read_look(path) == Look()
    for wrong in (tmp_path / "none.json", tmp_path):
        with pytest.raises(RequestError, match="cannot read the look"):
            read_look(wrong)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RequestError, match="cannot read the look"):
        read_look(tmp_path / "binary.json")


def photo_in(folder):
    ramp = np.linspace(0, 255, 96 * 64 * 3).reshape(64, 96, 3).astype(np.uint8)
    Image.fromarray(np.roll(ramp, 7, axis=1)).save(folder / "photo.png")
    return folder / "photo.png"


def test_render_takes_a_look_and_options_beside_it_win(wideopen, tmp_path):
    photo_in(tmp_path)
    look = Look(preset="swirl", focus=(0.25, 0.75), f_number=1.2, depth="prior", highlights=0.1)
    write_look(look, tmp_path / "look.json")
    words = ("--preset", "swirl", "--focus", "25%,75%", "--f-number", "1.2", "--depth", "prior", "--highlights", "0.1")
    assert wideopen("render", "photo.png", "-o", "a.png", "--look", "look.json")[0] == 0
    assert wideopen("render", "photo.png", "-o", "b.png", *words)[0] == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    others = ("--focus", "auto", "--preset", "star", "--f-number", "1.8", "--highlights", "0.5")
    assert wideopen("render", "photo.png", "-o", "c.png", "--look", "look.json", *others)[0] == 0
    assert wideopen("render", "photo.png", "-o", "d.png", "--depth", "prior", "--preset", "star")[0] == 0
    assert (tmp_path / "c.png").read_bytes() == (tmp_path / "d.png").read_bytes()


def test_render_refuses_what_is_no_look_and_never_overwrites_it(wideopen, tmp_path):
    photo_in(tmp_path)
    refuses(wideopen("render", "photo.png", "--look", "none.json"), 2, "cannot read the look none.json")
    (tmp_path / "look.json").write_text('{"wideopen": "look/1", "fnumber": 2}')
    refuses(wideopen("render", "photo.png", "--look", "look.json"), 2, "did you mean f_number?")
    write_look(Look(), tmp_path / "look.png")
    refuses(wideopen("render", "photo.png", "--look", "look.png", "-o", "look.png", "--overwrite"), 1, "look.png is")
    assert read_look(tmp_path / "look.png") == Look()
