"""A studio's session: its previews show what will be saved."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms

pytest.importorskip("fastapi")

from studio_server import jpeg, scenery
from wideopen.errors import FocusError, RequestError
from wideopen.optics import DefocusMap, DepthMap
from wideopen.photo import Photo, read
from wideopen.photo.profile import from_linear, to_linear
from wideopen.renderer.highlights import restore_highlights
from wideopen.renderer.lens import LensRenderer
from wideopen.renderer.look import Look
from wideopen.sample import save_sample
from wideopen.scene import FocusSpan
from wideopen.scene.mend import Stroke, fingerprint
from wideopen.studio import preview as previews
from wideopen.studio import sight as sights
from wideopen.studio.loupe import part_of
from wideopen.studio.preview import SIDES, Negative, levels_of, side_of
from wideopen.studio.session import Session
from wideopen.studio.sight import Camera, Sight, subject_of


def decoded(data):
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"), np.float64)


def psnr_db(a, b):
    return 10 * np.log10(255**2 / np.mean((np.asarray(a, np.float64) - np.asarray(b, np.float64)) ** 2))


def opened(path):
    return Session.open(path, path.name)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return save_sample(tmp_path_factory.mktemp("sample") / "sample.jpg")


@pytest.fixture(scope="module")
def session(sample):
    return opened(sample)


@pytest.fixture
def photo(tmp_path):
    jpeg(tmp_path)
    return tmp_path / "photo.jpg"


@pytest.mark.parametrize("look", [Look(f_number=2.0), Look(depth="built-in", preset="hexagon"), Look(focus=(0.2, 0.3))])
def test_a_preview_is_the_saved_photo_made_smaller(sample, session, look):
    whole = look.renderer()(read(sample))
    expected = Negative.of(whole).preview(640).picture()
    assert psnr_db(decoded(session.render(look, side=640).jpeg), expected) > 35


@pytest.mark.parametrize("look", [Look(f_number=1.4), Look(f_number=4, focus=(0.5, 0.5)), Look(depth="built-in")])
def test_the_blur_that_is_told_is_that_of_the_whole_photo(sample, session, look):
    photo = read(sample)
    radius_px = look.renderer().defocus(photo, look.renderer().look(photo)).radius_px
    largest_px = max(radius_px.max(), -radius_px.min())
    for side in (320, 640):
        assert session.render(look, side=side).radius_px == pytest.approx(largest_px, rel=0.05)


def test_a_point_in_focus_has_one_level_at_every_side(session):
    for point in ((0.2, 0.8), (0.5, 0.5), (0.8, 0.2)):
        levels = [session.render(Look(focus=point), side=side).level for side in (320, 640)]
        assert max(levels) - min(levels) < 0.02


def test_a_picture_has_the_wanted_side_and_never_more_than_the_photo(session, photo):
    assert max(Image.open(BytesIO(session.render(Look(f_number=8), side=640).jpeg)).size) == 640
    for side in SIDES:
        assert max(Image.open(BytesIO(session.before(side))).size) == min(side, 1536)
        assert Image.open(BytesIO(opened(photo).before(side))).size == (96, 64)


def test_a_side_that_is_not_offered_is_refused():
    with pytest.raises(RequestError, match="a side of 1000 px is not shown; ask for 320, 640, 1024, 1536, 2048"):
        side_of(1000)


def test_a_photo_is_made_smaller_in_linear_light():
    fine = np.zeros((640, 1280, 3), np.float32)
    fine[::2, ::2] = fine[1::2, 1::2] = 1
    small = Negative.of(Photo(fine)).preview(320).picture()
    assert set(np.unique(small)) == {188}  # half the light of white, not half its level


@pytest.mark.parametrize("size", [(1000, 600), (641, 480), (333, 999), (3001, 17)])
def test_making_smaller_keeps_all_light(size):
    pixels = np.random.default_rng(0).random((size[1], size[0], 3), np.float32)
    light = Negative.of(Photo(pixels)).preview(320).light
    np.testing.assert_allclose(light.mean((0, 1)), to_linear(pixels, None).mean((0, 1)), rtol=1e-3)


def test_a_very_large_photo_is_halved_first_and_looks_the_same(monkeypatch):
    pixels = np.repeat(np.repeat(scenery(330, 220), 4, axis=0), 4, axis=1).astype(np.float32) / 255
    once = Negative.of(Photo(pixels)).preview(320)
    monkeypatch.setattr("wideopen.studio.preview.MOST_PIXELS", 1_000_000)
    twice = Negative.of(Photo(pixels)).preview(320)
    assert twice.whole_size == once.whole_size == (1320, 880)
    assert np.abs(once.picture().astype(int) - twice.picture()).max() <= 1


def test_a_small_lamp_is_as_bright_in_a_preview_as_in_the_photo():
    pixels = np.full((600, 900, 3), 0.02, np.float32)
    pixels[300:303, 450:453] = 1
    photo = Photo(pixels)
    near = DefocusMap(np.full((600, 900), 20, np.float32))
    exact = restore_highlights(to_linear(pixels, None), near.radius_px, strength=0.7)
    preview = Negative.of(photo).preview(320)
    small = DefocusMap(np.full(preview.light.shape[:2], 20 / preview.scale, np.float32))
    seen = preview.drawn(LensRenderer(highlights=0.7), small)
    whole = LensRenderer(highlights=0.7).draw(photo, near)
    assert exact.max() > 2
    assert psnr_db(seen, Negative.of(whole).preview(320).picture()) > 45


def test_a_preview_drawn_strip_by_strip_is_the_same_and_can_be_left(session, monkeypatch):
    look, shares = Look(f_number=1.4), []
    whole = decoded(session.render(look, side=640, progress=shares.append).jpeg)
    assert shares == [1.0]
    monkeypatch.setattr(previews, "STRIP_PX", 100_000)
    shares.clear()
    strips = decoded(session.render(look, side=640, progress=shares.append).jpeg)
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert np.array_equal(strips, whole)

    def leaving(share):
        if share > 0.3:
            raise LeftError

    with pytest.raises(LeftError):
        session.render(look, side=640, progress=leaving)


class LeftError(Exception):
    pass


@given(arrays(np.float32, (3, 5, 3), elements=st.floats(0, 2, width=32)))
def test_levels_are_those_of_the_exact_curve(light):
    exact = from_linear(light.clip(0, 1), None) * 255
    assert np.abs(levels_of(light, None) - exact).max() <= 0.52


def test_all_that_is_sharp_is_the_photo_itself(session):
    sharp = Look(f_number=64, max_blur_percent=0.001, depth="built-in")
    assert session.render(sharp, side=640).jpeg == session.before(640)


def test_opening_tells_what_the_page_wants(sample, session):
    info = session.info
    assert (info["width"], info["height"], info["format"], info["bits"]) == (1536, 1024, "JPEG", 8)
    assert info["name"] == "sample.jpg"
    assert info["megapixels"] == 1.6
    assert info["fingerprint"] == list(fingerprint(read(sample).pixels))
    assert info["depth"]["metric"]
    assert info["depth"]["own"]
    assert info["depth"]["near"] > info["depth"]["far"] >= 0
    assert info["camera"]["f_number_real"]
    assert 0 <= info["subject"]["level"] <= 1


def test_a_photo_without_depth_says_so(photo):
    info = opened(photo).info
    assert not info["depth"]["own"]
    assert not info["camera"]["f_number_real"]
    assert info["depth"]["origin"] == "built-in network"


def test_the_subject_that_is_told_lies_in_the_plane_of_automatic_focus(session):
    subject = session.info["subject"]
    there = session.render(Look(focus=(subject["x"], subject["y"])), side=320)
    assert there.level == pytest.approx(session.render(Look(), side=320).level, abs=0.03)


def test_the_subject_is_where_the_file_says():
    pixels = scenery().astype(np.float32) / 255
    photo = Photo(pixels, focus=(0.25, 0.75))
    sight = Sight(photo, Camera(photo.size, None))
    assert subject_of(photo, sight.scene("auto"), 0.0) == (0.25, 0.75)


def test_a_photo_of_one_depth_has_a_subject():
    photo = Photo(np.full((64, 96, 3), 0.5, np.float32), depth=DepthMap(np.ones((64, 96), np.float32), True, "flat"))
    scene = Sight(photo, Camera(photo.size, None)).scene("auto")
    x, y = subject_of(photo, scene, 1.0)
    assert 0 <= x <= 1
    assert 0 <= y <= 1


def test_the_lens_of_a_cropped_photo_is_that_of_the_whole_one(tmp_path):
    block = Image.Exif()
    directory = block.get_ifd(0x8769)
    directory[0x920A], directory[0xA002], directory[0xA003] = 35.0, 1600, 1200
    directory[0xA20E], directory[0xA210] = 1600 / (22.3 / 25.4), 2
    path = tmp_path / "cropped.jpg"
    Image.fromarray(scenery(1400, 500)).save(path, exif=block.tobytes())
    camera = opened(path).info["camera"]
    expected = Look().renderer().lens(read(path))
    assert camera["sensor_mm"] == expected.sensor_mm != pytest.approx(22.3, abs=0.5)
    assert camera["focal_mm"] == expected.focal_mm
    assert camera["text"] == expected.origin
    given = Sight(Negative.of(read(path)).preview(320).photo, Camera((1400, 500), read(path).exif))
    lens = given.seen(Look(focal_mm=85.0)).renderer
    assert (lens.focal_mm, lens.sensor_mm) == (85.0, expected.sensor_mm)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_photo_is_shown_upright_whatever_its_file_says(tmp_path, orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    Image.fromarray(scenery(96, 64)).save(tmp_path / "turned.jpg", quality=95, exif=block.tobytes())
    session, photo = opened(tmp_path / "turned.jpg"), read(tmp_path / "turned.jpg")
    assert (session.info["width"], session.info["height"]) == photo.size
    for shown in (session.before(320), session.render(Look(f_number=64, depth="built-in"), side=320).jpeg):
        assert psnr_db(decoded(shown), photo.pixels * 255) > 30


def saved(folder, kind):
    path = folder / f"photo.{kind.split('-')[-1]}"
    levels = scenery()
    match kind:
        case "grey-png":
            Image.fromarray(levels[..., 0]).save(path)
        case "alpha-png":
            alpha = np.tile(np.linspace(0, 255, 96).astype(np.uint8), (64, 1))
            Image.fromarray(np.dstack([levels, alpha])).save(path)
        case "deep-png":
            Photo((levels / np.float32(255)), bits=16).save(path)
        case "float-tif":
            Photo((levels / np.float32(100)), bits=32).save(path)
        case "inks-jpg":
            Image.fromarray(levels).convert("CMYK").save(path, "JPEG")
        case "profile-jpg":
            Image.fromarray(levels).save(path, icc_profile=PROFILE)
    return path


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("kind", ["grey-png", "alpha-png", "deep-png", "float-tif", "inks-jpg", "profile-jpg"])
def test_every_kind_of_photo_is_shown_and_rendered(tmp_path, kind):
    path = saved(tmp_path, kind)
    session = opened(path)
    photo = read(path)
    before, after = (Image.open(BytesIO(data)) for data in (session.before(320), session.render(Look(), side=320).jpeg))
    assert before.size == after.size == photo.size
    assert before.mode == after.mode == ("L" if photo.grey else "RGB")
    assert before.info.get("icc_profile") == after.info.get("icc_profile") == photo.icc
    if photo.alpha is None:
        assert psnr_db(before.convert("RGB"), photo.pixels.clip(0, 1) * 255) > 30


def test_a_profile_goes_with_every_picture(tmp_path):
    session = opened(saved(tmp_path, "profile-jpg"))
    for data in (session.before(320), session.render(Look(), side=320).jpeg):
        assert Image.open(BytesIO(data)).info["icc_profile"] == PROFILE


def test_transparency_shows_a_checker_that_no_photo_is(tmp_path):
    shown = decoded(opened(saved(tmp_path, "alpha-png")).before(320))
    assert abs(shown[4, 2] - 153).max() < 12
    assert abs(shown[4, 10] - 191).max() < 20


def test_depth_goes_from_the_farthest_to_the_nearest(session):
    found = session.depth(Look(), side=320)
    levels = np.frombuffer(found.data, "<u2").reshape(found.size[::-1])
    assert found.size == (320, 213)
    assert (levels.min(), levels.max()) == (0, 65535)
    assert found.ends[0] < found.ends[1]
    assert found.level == session.render(Look(), side=320).level


def test_a_rectangle_is_the_depth_that_lies_in_it(session):
    far, near = session.box(Look(), (0.4, 0.4, 0.6, 0.6))
    sight = session._view(1024).sight
    span = FocusSpan.of_box(sight.scene("auto").depth, left=0.4, top=0.4, right=0.6, bottom=0.6)
    assert (far, near) == (span.far_share, span.near_share)
    with pytest.raises(FocusError, match="does not lie in the frame"):
        session.box(Look(), (0.6, 0.4, 0.4, 0.6))


def test_strokes_mend_the_depth_and_undoing_them_gives_it_back(session):
    stroke = Stroke("level", ((0.5, 0.5),), 0.1, level=1.0, edges=False)
    plain, mended = (session.depth(look, side=320) for look in (Look(), Look(strokes=(stroke,))))
    assert mended.data != plain.data
    assert mended.ends == plain.ends
    middle = np.frombuffer(mended.data, "<u2").reshape(213, 320)[106, 160]
    assert middle > 65000
    assert session.depth(Look(), side=320).data == plain.data


def test_a_scene_is_looked_at_once_for_each_side_and_source(photo, monkeypatch):
    asked = []
    find = sights.look
    monkeypatch.setattr(
        sights, "look", lambda photo, depth: asked.append((photo.size, depth)) or find(photo, depth=depth)
    )
    session = opened(photo)
    for f_number in (1.4, 2, 2.8):
        session.render(Look(f_number=f_number), side=1024)
    assert asked == [((96, 64), "auto")]
    session.render(Look(depth="prior"), side=1024)
    assert asked[1:] == [((96, 64), "prior")]


def test_an_iris_is_the_same_one_while_other_settings_change(session):
    sight = session._view(320).sight
    first, second = (sight.seen(look).renderer.iris for look in (Look(f_number=2), Look(f_number=4, highlights=1.0)))
    assert first is second
    assert sight.seen(Look(blades=5)).renderer.iris.blades == 5


def test_small_previews_are_kept_and_of_large_ones_the_last():
    session = Session(
        Negative.of(Photo(np.full((1500, 2100, 3), 0.5, np.float32))), "grey", {}, Camera((2100, 1500), None)
    )
    for side in (*SIDES, 1536, 640):
        session.before(side)
    assert list(session._views) == [320, 640, 1024, 1536]


def test_the_loupe_shows_what_is_saved_pixel_for_pixel(tmp_path):
    jpeg(tmp_path, size=(480, 320))
    photo, look = read(tmp_path / "photo.jpg"), Look(f_number=1.2, max_blur_percent=3, preset="fast-prime")
    sight = Sight(photo, Camera(photo.size, photo.exif))
    part = decoded(part_of(sight, look, x=200, y=100, width=128, height=96).jpeg)
    whole = look.renderer()(photo).pixels[100:196, 200:328] * 255
    assert psnr_db(part, whole) > 37
    before = decoded(part_of(sight, look, x=200, y=100, width=128, height=96, before=True).jpeg)
    assert psnr_db(before, photo.pixels[100:196, 200:328] * 255) > 37
    assert psnr_db(before, part) < 30


def test_the_loupe_shows_only_what_there_is(photo):
    sight = Sight(read(photo), Camera((96, 64), None))
    assert decoded(part_of(sight, Look(), x=90, y=-10, width=50, height=20, before=True).jpeg).shape == (10, 6, 3)
    with pytest.raises(RequestError, match="lies outside the photo of 96x64"):
        part_of(sight, Look(), x=96, y=0, width=10, height=10)
    with pytest.raises(RequestError, match="a part of 3000x10 is not shown"):
        part_of(sight, Look(), x=0, y=0, width=3000, height=10)


def test_a_look_of_another_photo_is_refused_by_its_strokes(session):
    stroke = Stroke("nearer", ((0.5, 0.5),), 0.1)
    foreign = tuple(255 - level for level in session.info["fingerprint"])
    with pytest.raises(Exception, match="another photo"):
        session.render(replace(Look(), strokes=(stroke,), fingerprint=foreign), side=320)
