"""The studio's page in a real browser: opening, what is said, two windows, a studio that forgets or is gone."""

import pytest
from playwright.sync_api import expect

from studio_browser import LOST, PHONE, photo_of, served, visiting


@pytest.fixture(scope="module")
def studio():
    with served() as studio:
        yield studio


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "garden.jpg"
    photo_of(path)
    return path


def name(visit):
    return visit.page.locator("#name")


def test_an_empty_studio_says_what_to_do_and_that_photos_stay_here(browser, studio):
    with visiting(browser, studio.address) as visit:
        welcome = visit.page.locator("#welcome")
        for words in ("Drop a photo here", "Open a photo", "Try the sample", "paste", "stay on this computer"):
            expect(welcome).to_contain_text(words)
        box = welcome.bounding_box()
        assert box["width"] * box["height"] > 0.8 * 1280 * 800
        expect(visit.page.locator("#panel")).to_be_hidden()


@pytest.mark.parametrize("way", ["picker", "drop", "drop on the panel", "paste"])
def test_a_photo_opens(browser, studio, photo, way):
    with visiting(browser, studio.address) as visit:
        if way == "drop on the panel":
            visit.sample()
        past = visit.number()
        if way == "picker":
            with visit.page.expect_file_chooser() as chooser:
                visit.press("#open-first")
            chooser.value.set_files(photo)
        elif way == "paste":
            visit.paste(photo)
        else:
            visit.drop(photo, target="#panel" if way == "drop on the panel" else "#stage")
        visit.rested(past)
        expect(name(visit)).to_have_text("garden.jpg · 600 \u00d7 400")
        expect(visit.page.locator("#dropping")).to_be_hidden()
        assert visit.page.title().startswith("garden.jpg")


def test_the_sample_opens_with_its_own_depth_and_a_real_f_number(browser, studio):
    with visiting(browser, studio.address) as visit:
        visit.sample()
        expect(visit.page.locator("#origin")).to_contain_text("Depth from the photo\u2019s own file")
        expect(visit.page.locator("#origin")).to_contain_text("f-number is a real one")
        expect(visit.page.locator("#ring-value")).to_have_text("f/1.8")
        expect(visit.page.locator("#ring-note")).to_contain_text("Sharp from")


def test_a_photo_without_depth_is_told_to_be_relative(browser, studio, photo):
    with visiting(browser, studio.address) as visit:
        visit.open(photo)
        expect(visit.page.locator("#origin")).to_contain_text("relative, so the ring sets blur strength, not a real f")
        expect(visit.page.locator("#ring-title")).to_have_text("Blur strength")
        expect(visit.page.locator("#ring-value")).to_have_text("100 %")
        expect(visit.page.locator("#ring-note")).to_contain_text("no true f-number")


def test_of_several_photos_the_first_opens_and_the_others_wait(browser, studio, photo, tmp_path):
    other = tmp_path / "other.jpg"
    photo_of(other, seed=3)
    with visiting(browser, studio.address) as visit:
        visit.studio("studio.addEventListener('many', (event) => { window.files = event.detail.files; })")
        visit.drop(photo, other)
        visit.rested()
        expect(name(visit)).to_contain_text("garden.jpg")
        assert visit.studio("window.files.map((each) => each.name)") == ["garden.jpg", "other.jpg"]
        visit.page.get_by_role("button", name="Apply to all 2").click()
        expect(visit.page.locator("#many")).to_be_visible()
        expect(visit.page.locator("#many")).to_contain_text("other.jpg")


def test_a_text_that_is_named_as_a_photo_leaves_the_open_one_as_it_is(browser, studio, photo, tmp_path):
    text = tmp_path / "letter.jpg"
    text.write_text("Dear Sir or Madam")
    with visiting(browser, studio.address, complains=LOST) as visit:
        visit.open(photo)
        visit.studio("studio.setLook({ highlights: 0.9 }, { label: 'Highlights' })")
        visit.page.locator("#file").set_input_files(text)
        expect(visit.page.locator("#say")).to_contain_text("garden.jpg is still open")
        expect(name(visit)).to_contain_text("garden.jpg")
        assert visit.look == {"highlights": 0.9}
        visit.click(0.4, 0.4)
        visit.rested(visit.number() - 1)
        assert "focus" in visit.look


def test_what_is_too_large_is_said_before_it_is_sent(browser, photo):
    with served(upload_mb=0.02) as studio, visiting(browser, studio.address) as visit:
        visit.page.locator("#file").set_input_files(photo)
        expect(visit.page.locator("#say")).to_contain_text("the studio takes up to 0.0 MB")
        assert not [each for each in visit.asked if each.method == "POST"]


def test_a_photo_that_the_studio_has_forgotten_is_sent_again_and_keeps_its_look(browser, studio, photo):
    with visiting(browser, studio.address, complains=LOST) as visit:
        visit.open(photo)
        visit.click(0.3, 0.3)
        visit.rested(visit.number() - 1)
        before, first = visit.look, visit.studio("studio.photo.id")
        visit.studio("fetch(`/api/photos/${studio.photo.id}`, { method: 'DELETE' })")
        past = visit.number()
        visit.page.keyboard.press(".")
        visit.rested(past)
        assert visit.studio("studio.photo.id") != first
        assert visit.look["focus"] == before["focus"]
        assert visit.said() == ""
        visit.page.keyboard.press("Control+z")
        assert visit.look == before


def test_a_studio_that_is_gone_is_told_and_the_photo_is_kept(browser, photo):
    with served() as studio, visiting(browser, studio.address, complains=(*LOST, "ERR_CONNECTION")) as visit:
        visit.open(photo)
        visit.context.set_offline(True)
        visit.page.keyboard.press(".")
        expect(visit.page.locator("#lost")).to_be_visible()
        expect(name(visit)).to_contain_text("garden.jpg")
        look = visit.look
        assert look["max_blur_percent"] > 0.8
        visit.context.set_offline(False)
        past = visit.number()
        visit.press("#retry")
        visit.rested(past)
        expect(visit.page.locator("#lost")).to_be_hidden()
        assert visit.look == look


def test_what_follows_the_hand_does_not_wait_for_the_large_picture(browser, studio):
    with visiting(browser, studio.address, device_scale_factor=2) as visit:
        visit.sample()
        visit.rested()
        asked, held = [], []

        def hold(route):
            asked.append(route.request.post_data_json["side"])
            held.append(route) if asked[-1] > 1024 else route.continue_()

        visit.page.route("**/render", hold)
        visit.page.keyboard.press(".")
        visit.page.wait_for_timeout(10)
        while not held:
            visit.page.wait_for_timeout(20)
        past, before = visit.number(), len(asked)
        visit.page.keyboard.press(".")
        visit.until(f"Number(document.documentElement.dataset.rendered) > {past}")
        assert asked[before] <= 1024
        visit.page.unroute("**/render")
        visit.rested(past)


def test_two_windows_do_not_disturb_each_other(browser, studio, photo):
    with visiting(browser, studio.address) as one, visiting(browser, studio.address) as two:
        one.open(photo)
        two.sample()
        past = one.number(), two.number()
        for step in range(4):
            one.click(0.2 + 0.1 * step, 0.3)
            two.page.keyboard.press(".")
        one.rested(past[0])
        two.rested(past[1])
        assert one.studio("studio.window") != two.studio("studio.window")
        assert one.look["focus"][0] == pytest.approx(0.5, abs=0.01)
        assert set(one.look) == {"focus"}
        assert two.look == {"f_number": 2.8}
        assert one.page.evaluate("Object.keys(localStorage)") == []


def test_a_phone_has_the_settings_below_the_photo_and_nothing_sticks_out(browser, studio, photo):
    with visiting(browser, studio.address, **PHONE) as visit:
        visit.open(photo)
        stage, panel = (visit.page.locator(each).bounding_box() for each in ("#stage", "#panel"))
        assert panel["y"] >= stage["y"] + stage["height"]
        assert stage["height"] > 300
        assert visit.studio("document.documentElement.scrollWidth") == 390
        visit.click(0.4, 0.4)
        assert visit.look["focus"] == pytest.approx([0.4, 0.4], abs=0.005)
        visit.press("#fold")
        expect(visit.page.locator("#sheet")).to_be_hidden()
        assert visit.page.locator("#stage").bounding_box()["height"] > stage["height"] + 100
        visit.press("#tab-lens")
        expect(visit.page.locator("#lens")).to_be_visible()
        visit.rested()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(browser, studio, scheme):
    """WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for what marks a control (1.4.11)."""
    with visiting(browser, studio.address, color_scheme=scheme) as visit:
        colours = visit.studio("""(() => {
          const made = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          const of = (name) => {
            made.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
            made.fillRect(0, 0, 1, 1);
            return [...made.getImageData(0, 0, 1, 1).data].slice(0, 3);
          };
          const names = ["--stage", "--ground", "--raised", "--sunken", "--ink", "--soft", "--mark", "--on-mark",
            "--edge", "--glow", "--error"];
          return Object.fromEntries(names.map((name) => [name.slice(2), of(name)]));
        })()""")

    def luminance(name):
        linear = [(s / 255 / 12.92 if s <= 10 else ((s / 255 + 0.055) / 1.055) ** 2.4) for s in colours[name]]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one, other):
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    for ground in ("stage", "ground", "raised", "sunken"):
        for words in ("ink", "soft", "mark", "error"):
            assert contrast(words, ground) >= 4.5, (words, ground)
    assert contrast("on-mark", "mark") >= 4.5
    for ground in ("ground", "raised", "sunken"):
        assert contrast("edge", ground) >= 3
        assert contrast("glow", ground) >= 3


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desk", "phone"])
def test_every_control_has_a_name_and_is_large_enough_for_a_finger(browser, studio, options):
    with visiting(browser, studio.address, **options) as visit:
        visit.sample()
        for tab in ("#tab-focus", "#tab-lens"):
            visit.press(tab)
            if tab == "#tab-lens":
                visit.page.locator("#lens details").evaluate("(each) => { each.open = true; }")
            wrong = visit.studio("""[...document.querySelectorAll("#top, main, #aperture, #tabs, #focus, #lens")]
              .flatMap((part) => [...part.querySelectorAll("button, input, [role=slider], summary, [tabindex='0']")])
              .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest("#welcome"))
              .flatMap((each) => {
                const box = (each.closest("label.switch") ?? each).getBoundingClientRect();
                const label = document.getElementById(each.getAttribute("aria-labelledby")) ?? each.labels?.[0];
                const names = [each.getAttribute("aria-label"), each.textContent, label?.textContent];
                const told = [];
                if (!names.some((name) => name?.trim())) told.push(`${each.outerHTML}: no name`);
                if (box.width < 43.5 || box.height < 43.5) told.push(`${each.id}: ${box.width} x ${box.height}`);
                return told;
              })""")
            assert wrong == []
        visit.rested()


def test_the_next_photo_closes_the_one_before(browser, studio, photo):
    with visiting(browser, studio.address) as visit:
        visit.open(photo)
        first = visit.studio("studio.photo.id")
        with visit.page.expect_request(lambda asked: asked.method == "DELETE") as closing:
            visit.open(photo)
        assert closing.value.url.endswith(first)
        assert closing.value.response().status == 204
