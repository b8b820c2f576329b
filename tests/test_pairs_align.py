"""Alignment: known warps are found, and what cannot be trusted is refused with its reason."""

import sys
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wideopen.errors import RequestError
from wideopen.pairs.align import align, common_part, shrink
from wideopen.pairs.homography import NotAlignedError, Trust, project
from wideopen.photo import read
from wideopen.photo.profile import from_linear, to_linear

cv2 = pytest.importorskip("cv2")
skimage = pytest.importorskip("skimage")
PICTURES = Path(skimage.__file__).parent / "data"
SCENES = ("coffee.png", "astronaut.png", "chelsea.png", "rocket.jpg", "hubble_deep_field.jpg", "motorcycle_left.png")
SHARED = Path(__file__).parents[2] / "shared" / "data" / "pairs"


@cache
def scene(name, height=440):
    """A picture of skimage's wheel, with a frame to spare around what the shots show."""
    picture = np.asarray(Image.open(PICTURES / name).convert("RGB"), np.float32) / 255
    width = round(picture.shape[1] * height / picture.shape[0])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def disc(radius_px):
    reach = int(np.ceil(radius_px))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius_px + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return kernel / kernel.sum()


def shots(picture, seed, *, gain=1.0, blur_px=5.0, noise=0.008, angle_deg=None, scale=None, jitter=0.003, shift=0.015):
    """Take two shots of a picture by a camera that is nudged; return them and the homography from shallow to wide.

    Half of the shallow one, on a slant, is blurred by a disc.
    """
    random = np.random.default_rng(seed)
    height, width = (round(side * 0.88) for side in picture.shape[:2])
    inset = np.array([(picture.shape[1] - width) // 2, (picture.shape[0] - height) // 2])
    frame = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
    angle = np.deg2rad(random.uniform(-1.5, 1.5) if angle_deg is None else angle_deg)
    turn = (scale or random.uniform(0.97, 1.03)) * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    middle = frame.mean(axis=0)
    moved = (frame - middle) @ turn.T + middle + random.uniform(-shift, shift, 2) * height
    moved += random.uniform(-jitter, jitter, (4, 2)) * height
    to_shallow = cv2.getPerspectiveTransform(frame.astype(np.float32), moved.astype(np.float32))
    to_frame = np.array([[1.0, 0, -inset[0]], [0, 1, -inset[1]], [0, 0, 1]])
    wide = picture[inset[1] : inset[1] + height, inset[0] : inset[0] + width]
    seen = cv2.warpPerspective(
        picture, to_shallow @ to_frame, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    light = to_linear(seen.clip(0, 1), None)
    y, x = np.mgrid[0:height, 0:width]
    slant = random.uniform(0, 2 * np.pi)
    far = np.clip(((x - width / 2) * np.cos(slant) + (y - height / 2) * np.sin(slant)) / 30, 0, 1)[..., None]
    light = light * (1 - far) + cv2.filter2D(light, -1, disc(blur_px), borderType=cv2.BORDER_REFLECT_101) * far
    shallow = from_linear((light * np.float32(gain)).clip(0, 1).astype(np.float32), None)
    wide, shallow = (part + random.normal(0, noise, part.shape) for part in (wide, shallow))
    return wide.clip(0, 1).astype(np.float32), shallow.clip(0, 1).astype(np.float32), np.linalg.inv(to_shallow)


def corner_error_px(homography, truth, picture):
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
    found = project(homography, project(np.linalg.inv(truth), corners))
    return float(np.linalg.norm(found - corners, axis=1).max())


def refusal(wide, shallow, **given):
    with pytest.raises(NotAlignedError) as refused:
        align(wide, shallow, **given)
    assert "\n" not in str(refused.value)
    return refused.value


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_known_warp_is_found(name, seed):
    wide, shallow, truth = shots(scene(name), seed, gain=0.7)
    aligned = align(wide, shallow, seed=seed)
    assert corner_error_px(aligned.found.homography, truth, wide) < 0.6
    assert aligned.wide.shape == aligned.shallow.shape
    assert aligned.wide.dtype == aligned.shallow.dtype == np.float32
    assert aligned.residual_px < 0.6
    assert aligned.inliers > 100
    assert 0.85 < aligned.overlap <= 1


def test_warps_are_found_to_a_quarter_of_a_pixel_in_the_middle_of_the_field():
    errors = []
    for name in SCENES:
        wide, shallow, truth = shots(scene(name), 7, gain=1.2)
        errors.append(corner_error_px(align(wide, shallow).found.homography, truth, wide))
    assert np.median(errors) < 0.25


def test_the_shallow_picture_comes_to_lie_on_the_wide_one():
    wide, shallow, _ = shots(scene("coffee.png"), 4, blur_px=0.5, noise=0.0)
    aligned = align(wide, shallow)
    left, top, width, height = aligned.crop
    before = np.abs(wide - shallow)[top : top + height, left : left + width].mean()
    assert np.abs(aligned.wide - aligned.shallow).mean() < before / 8
    np.testing.assert_array_equal(aligned.wide, wide[top : top + height, left : left + width])


def test_no_corner_is_black():
    wide, shallow, _ = shots(0.3 + 0.7 * scene("coffee.png"), 5, angle_deg=4, scale=1.06)
    aligned = align(wide, shallow)
    assert aligned.shallow.min() > 0.2
    assert aligned.overlap < 0.95


@pytest.mark.parametrize(("one", "other"), list(combinations(SCENES, 2)))
def test_other_scenes_are_refused(one, other):
    wide, shallow = scene(one)[:, :440], scene(other)[:, :440]
    refused = refusal(wide, shallow)
    assert "scene" in str(refused)


def test_a_moved_camera_is_another_place():
    left, right = (scene(f"motorcycle_{side}.png") for side in ("left", "right"))
    refusal(left, right)


def test_the_same_picture_twice_is_refused():
    wide = scene("coffee.png")
    assert "the same" in str(refusal(wide, wide.copy()))
    assert "the same" in str(refusal(wide, np.rint(wide * 255).astype(np.float32) / 255))


def test_portrait_and_landscape_are_refused():
    wide = scene("coffee.png")
    text = str(refusal(wide, np.ascontiguousarray(np.rot90(wide))))
    assert "landscape" in text
    assert "portrait" in text


@pytest.mark.parametrize(
    ("given", "allowed", "words"),
    [
        ({"scale": 0.75}, {"most_scale": 1.5}, "times as large"),
        ({"angle_deg": 20, "scale": 1.0}, {"most_rotation_deg": 30}, "turned"),
        ({"jitter": 0.15, "scale": 1.0}, {"most_shear": 0.5, "most_perspective": 0.5}, "view changed"),
    ],
)
def test_what_no_nudge_does_is_refused_unless_allowed(given, allowed, words):
    wide, shallow, truth = shots(scene("coffee.png"), 2, **given)
    refused = refusal(wide, shallow)
    assert words in str(refused)
    assert refused.inliers > 100
    assert refused.residual_px < 1
    aligned = align(wide, shallow, trust=replace(Trust(), least_overlap=0.3, **allowed))
    assert corner_error_px(aligned.found.homography, truth, wide) < 3


def test_too_small_an_overlap_is_refused():
    picture = scene("coffee.png")
    wide, shallow = picture[:, :400], np.ascontiguousarray(picture[:, 220:620])
    refused = refusal(wide, shallow)
    assert "share" in str(refused)
    assert 0.3 < refused.overlap < 0.6
    assert align(wide, shallow, trust=Trust(least_overlap=0.3)).overlap == pytest.approx(refused.overlap)


def test_matches_in_one_corner_are_refused():
    wide, shallow, _ = shots(scene("coffee.png"), 3, blur_px=0.5)
    random = np.random.default_rng(0)
    known = shallow[:110, :160].copy()
    shallow = cv2.GaussianBlur(random.uniform(0, 1, shallow.shape).astype(np.float32), None, 12)
    shallow[:110, :160] = known
    assert "of the frame" in str(refusal(wide, shallow, trust=Trust(least_inliers=8)))
    assert "corners" in str(refusal(wide, shallow, trust=Trust(least_inliers=8, least_cover=0.0, most_corner_px=0.5)))


@pytest.mark.parametrize("shape", [(200, 300, 3), (3, 4, 3)])
def test_smooth_pictures_are_refused(shape):
    grey = np.full(shape, 0.5, np.float32)
    assert "smooth" in str(refusal(grey, grey + np.float32(0.1)))


def test_exposure_is_matched_only_when_asked_for_and_is_recorded():
    gains = np.array([0.6, 0.7, 0.8])
    wide, shallow, _ = shots(scene("coffee.png"), 6, gain=gains)
    plain, matched = align(wide, shallow), align(wide, shallow, match_exposure=True)
    assert plain.gain == ()
    np.testing.assert_allclose(matched.gain[:3], 1 / gains, rtol=0.03)
    np.testing.assert_allclose(matched.gain[3:], 0, atol=0.01)
    before, after = (abs(float((each.wide - each.shallow).mean())) for each in (plain, matched))
    assert before > 0.05
    assert after < 0.005


def test_exposures_that_are_too_far_apart_are_refused():
    wide, shallow, _ = shots(scene("coffee.png"), 6, gain=0.15, noise=0.0)
    refused = refusal(wide, shallow, match_exposure=True)
    assert "gains" in str(refused)
    assert refused.inliers > 30


def test_exposure_is_not_matched_by_clipped_pixels():
    wide, shallow, _ = shots(scene("coffee.png"), 6)
    wide[::10, ::10] = 0.985
    assert "clipped" in str(refusal(wide, shallow, match_exposure=True))


def test_the_result_depends_neither_on_threads_nor_on_the_run():
    wide, shallow, _ = shots(scene("astronaut.png"), 8)
    threads = cv2.getNumThreads()
    results = []
    for count in (1, 2, 3, 1):
        cv2.setNumThreads(count)
        results.append(align(wide, shallow, seed=5, match_exposure=True, height_px=300))
    cv2.setNumThreads(threads)
    for other in results[1:]:
        assert other.shallow.tobytes() == results[0].shallow.tobytes()
        assert other.wide.tobytes() == results[0].wide.tobytes()
        assert other.gain == results[0].gain


def test_the_height_is_as_asked_for_and_nothing_is_enlarged():
    wide, shallow, _ = shots(scene("coffee.png"), 9)
    assert align(wide, shallow, height_px=200).wide.shape[0] == 200
    aligned = align(wide, shallow, height_px=5000)
    assert aligned.wide.shape[0] == aligned.crop[3] <= wide.shape[0]
    half = shrink(shallow, shallow.shape[0] // 2)
    aligned = align(wide, half, height_px=5000)
    assert aligned.shallow.shape == aligned.wide.shape
    assert aligned.wide.shape[0] <= half.shape[0]


def test_shrinking_keeps_the_light():
    stars = np.zeros((400, 600, 3), np.float32)
    stars[::7, ::9] = 1
    small = shrink(stars, 100)
    assert small.shape == (100, 150, 3)
    assert to_linear(small, None).mean() == pytest.approx(stars.mean(), rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    corners=st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=4, max_size=4),
    size=st.tuples(st.integers(24, 70), st.integers(24, 70)),
)
def test_the_common_part_is_the_largest_rectangle_that_the_shallow_picture_covers(corners, size):
    height, width = size
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    homography = cv2.getPerspectiveTransform(frame, frame + np.array(corners, np.float32))
    (left, top, wide, high), overlap = common_part(homography, (height, width), (height, width))
    y, x = np.mgrid[0:height, 0:width]
    back = project(np.linalg.inv(homography), np.column_stack([x.ravel(), y.ravel()]).astype(np.float64))
    inside = ((back >= 2 - 1e-6) & (back <= np.array([width, height]) - 3 + 1e-6)).all(axis=1).reshape(height, width)
    assert inside[top : top + high, left : left + wide].all()
    assert overlap == pytest.approx(inside.mean(), abs=0.05)
    assert wide * high >= _largest(inside) * 0.999


def _largest(inside):
    """The area of the largest rectangle, by trying all rows."""
    best = 0
    for top in range(inside.shape[0]):
        whole = np.ones(inside.shape[1], bool)
        for bottom in range(top, inside.shape[0]):
            whole &= inside[bottom]
            best = max(best, int(whole.sum()) * (bottom - top + 1))
    return best


def test_without_opencv_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    wide = np.zeros((8, 8, 3), np.float32)
    with pytest.raises(RequestError, match=r"wideopen\[pairs\]"):
        align(wide, wide + np.float32(0.5))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the aperture pairs of ../shared/data are not here")
@pytest.mark.parametrize("scene_id", ["0002", "0003"])
def test_real_aperture_pairs_are_aligned(scene_id):
    wide, shallow = (read(SHARED / "vabd" / scene_id / f"{stop}.jpg").pixels for stop in ("f16", "f1.8"))
    aligned = align(wide, shallow)
    # They were aligned to a few pixels before.
    assert corner_error_px(aligned.found.homography, np.eye(3), wide) < 3
    assert aligned.residual_px < 0.6
