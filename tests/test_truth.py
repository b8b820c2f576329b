"""The layered renderer against path-traced pictures: two of the scenes that `bench/truth` makes, small."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wideopen import Iris
from wideopen.photo.profile import from_linear, to_linear
from wideopen.renderer.exact import spread_exactly
from wideopen.renderer.layered import spread_in_layers
from wideopen.renderer.sheets import take_apart

SCENES = sorted(path.parent for path in Path(__file__).parent.glob("truth/*/scene.json"))


def read_scene(folder):
    """Read linear light at f/16, 8-bit truth at f/1.8, and the blur's radius between them."""
    note = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
    wide, truth = (np.asarray(Image.open(folder / f"{name}.png").convert("RGB")) for name in ("wide", "shallow"))
    with np.load(folder / "depth.npz") as file:
        dioptres = 1 / file["depth_m"]
    radius_px = note["radius_px_per_dioptre"]["shallow"] * (dioptres - 1 / note["focus_m"])
    return to_linear(wide.astype(np.float32) / 255, None), truth, radius_px.astype(np.float32)


def scatter(linear, radius_px):
    """Spread every pixel as a soft disc over r squared, normalised, without occlusion."""
    height, width = radius_px.shape
    reach = int(np.abs(radius_px).max()) + 2
    sums = np.zeros((height + 2 * reach, width + 2 * reach, 4))
    points = np.concatenate([linear, np.ones((height, width, 1))], axis=2)
    radius = np.maximum(np.abs(radius_px), 0.5)[..., None]
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            weight = (radius - np.hypot(y, x) + 0.5).clip(0, 1) / radius**2
            sums[reach + y : reach + y + height, reach + x : reach + x + width] += weight * points
    inside = sums[reach:-reach, reach:-reach]
    return inside[..., :3] / np.maximum(inside[..., 3:], 1e-9)


def psnr_db(linear, truth, zone):
    ours = np.rint(from_linear(np.asarray(linear, np.float32).clip(0, 1), None) * 255)
    return 10 * np.log10(255**2 / np.mean((ours - truth)[zone] ** 2))


@pytest.mark.parametrize("folder", SCENES, ids=lambda folder: folder.name)
def test_occlusion_brings_pictures_nearer_to_the_truth(folder):
    linear, truth, radius_px = read_scene(folder)
    sheets = take_apart(linear, radius_px)
    layered = spread_in_layers(sheets, Iris())
    everywhere = np.ones(radius_px.shape, bool)
    ours_db, scattered_db = (psnr_db(picture, truth, everywhere) for picture in (layered, scatter(linear, radius_px)))
    assert ours_db > scattered_db + 1.5
    assert ours_db > psnr_db(linear, truth, everywhere) + 5
    steps = np.zeros(radius_px.shape, bool)
    steps[:, 1:] |= np.abs(np.diff(radius_px, axis=1)) > 1.5
    steps[1:] |= np.abs(np.diff(radius_px, axis=0)) > 1.5
    assert psnr_db(layered, truth, steps) > psnr_db(scatter(linear, radius_px), truth, steps) + 1.5


@pytest.mark.slow
@pytest.mark.parametrize("folder", SCENES, ids=lambda folder: folder.name)
def test_the_fast_renderer_is_as_true_as_the_reference(folder):
    linear, truth, radius_px = read_scene(folder)
    sheets = take_apart(linear, radius_px)
    everywhere = np.ones(radius_px.shape, bool)
    fast_db = psnr_db(spread_in_layers(sheets, Iris()), truth, everywhere)
    assert fast_db > psnr_db(spread_exactly(sheets, Iris()), truth, everywhere) - 0.3


def test_there_are_scenes():
    assert {folder.name for folder in SCENES} == {"fence", "slanted-floor"}
