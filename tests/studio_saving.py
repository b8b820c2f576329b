"""What tests of saving in the studio's page share: photos, and a window that has one open."""

from contextlib import contextmanager

from PIL import Image, ImageCms
from playwright.sync_api import expect

from studio_browser import photo_of, visiting

expect.set_options(timeout=30_000)  # a save takes long where other tests keep all cores busy
SMALL = {"viewport": {"width": 1000, "height": 700}}
STROKE = {
    "kind": "nearer",
    "path": [[0.4, 0.5], [0.5, 0.55]],
    "radius": 0.05,
    "feather": 0.5,
    "amount": 0.3,
    "edges": True,
    "level": 0,
    "point": [0, 0],
}
"""With all that a stroke can say, as a look's file has it."""
CAMERA = {0x010F: "Wide & Open", 0x0110: "Model 1"}


def garden(folder):
    """A small photo that is stored on its side, with a camera's name and a colour profile."""
    path = folder / "garden.jpg"
    photo_of(path, width=360, height=240, orientation=6)
    with Image.open(path) as stored:
        exif = stored.getexif()
        exif.update(CAMERA)
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        stored.save(path, quality=95, subsampling=0, exif=exif, icc_profile=profile)
    return path


@contextmanager
def opened(browser, studio, path, **options):
    """Open a photo, and the panel for saving."""
    with visiting(browser, studio.address, **(SMALL | options)) as visit:
        visit.open(path)
        visit.press("#tab-save")
        yield visit


def change(visit, **changes):
    """Change the look, None for what is to go, and wait until it is drawn."""
    past = visit.number()
    set_look = """(changes) => {
      const plain = Object.entries(changes).map(([key, value]) => [key, value ?? undefined]);
      studio.setLook(Object.fromEntries(plain), { label: "test" });
    }"""
    visit.page.evaluate(set_look, changes)
    visit.rested(past)


def saved(visit, folder, press="#save-photo"):
    """Save, and give the file that the browser has downloaded."""
    with visit.page.expect_download() as told:
        visit.press(press)
    path = folder / told.value.suggested_filename
    told.value.save_as(path)
    return path


def told(visit):
    """What the panel says became of a save."""
    return visit.page.locator("#save-told")
