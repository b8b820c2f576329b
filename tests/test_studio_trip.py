"""The whole trip in the studio's page: a photo dropped, a click, a turn of the ring, a saved file."""

import numpy as np
import pytest
from PIL import Image

from studio_browser import photo_of, served, visiting
from studio_saving import CAMERA, SMALL, garden, saved


@pytest.fixture(scope="module")
def studio():
    with served() as studio:
        yield studio


def trip(browser, studio, path, folder):
    """Drop, click, turn and save; gives the look and the file."""
    with visiting(browser, studio.address, **SMALL) as visit:
        visit.drop(path)
        past = visit.rested()
        visit.click(0.25, 0.5)
        past = visit.rested(past)
        visit.page.locator("#ring").focus()
        visit.page.keyboard.press("PageUp")
        visit.rested(past)
        visit.press("#tab-save")
        return visit.look, saved(visit, folder)


def test_from_drop_to_saved_file(browser, studio, tmp_path):
    path = garden(tmp_path)
    look, file = trip(browser, studio, path, tmp_path)
    assert look["focus"] == pytest.approx([0.25, 0.5], abs=0.01)
    assert look.keys() & {"f_number", "max_blur_percent"}
    with Image.open(file) as found, Image.open(path) as stored:
        assert found.size == (360, 240), "upright"
        assert found.info["icc_profile"] == stored.info["icc_profile"]
        assert {key: found.getexif()[key] for key in CAMERA} == CAMERA
        turned = stored.transpose(Image.Transpose.ROTATE_270)
        assert np.abs(np.asarray(found, float) - np.asarray(turned, float)).mean() > 0.5, "something is blurred"


@pytest.mark.slow
def test_a_photo_of_48_megapixels_goes_the_same_way(browser, studio, tmp_path):
    path = tmp_path / "large.jpg"
    photo_of(path, width=8064, height=6048)
    _, file = trip(browser, studio, path, tmp_path)
    with Image.open(file) as found:
        assert found.size == (8064, 6048)
