"""Pictures of the studio for README and docs, taken in Debian's chromium: `python docs/screens.py`."""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
STILL = "() => document.documentElement.dataset.rendered && document.documentElement.dataset.live === 'still'"
LOOK = """import("/static/app.js").then(({ studio }) => {
  studio.setLook({ focus: [0.735, 0.69], f_number: 1.4 }, { label: "Focus" });
})"""


def main() -> None:
    """Take them all."""
    command = [sys.executable, "-m", "wideopen", "studio", "--no-browser", "--port", "0"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served,
        sync_playwright() as play,
    ):
        assert served.stdout is not None
        found = re.search(r"http://[^\s;]+", served.stdout.readline())
        assert found is not None
        try:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            desk = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"}
            phone = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True}
            for name, options in (("studio", desk), ("studio-phone", phone)):
                page = browser.new_context(**options, bypass_csp=True).new_page()
                page.goto(found[0])
                page.locator("#sample").click()
                page.wait_for_function(STILL)
                page.evaluate(LOOK)
                page.wait_for_timeout(2500)
                page.wait_for_function(STILL)
                Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(IMAGES / f"{name}.jpg", quality=88)
            browser.close()
        finally:
            served.terminate()


if __name__ == "__main__":
    main()
