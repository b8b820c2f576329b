"""The studio's server: what it answers, to whom, and that it lives on whatever is asked."""

import errno
import json
import socket
import threading
import time
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from studio_server import jpeg, served
from wideopen.errors import RequestError
from wideopen.photo import read
from wideopen.renderer.look import Look
from wideopen.renderer.presets import PRESETS
from wideopen.studio import door
from wideopen.studio.asked import look_of
from wideopen.studio.door import MOST_BODY_BYTES

ASK = {"look": {"f_number": 2.0}, "side": 320, "window": "w", "number": 1}


@pytest.fixture(scope="module")
def studio():
    with served() as running:
        yield running


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return jpeg(tmp_path_factory.mktemp("photo"))


@pytest.fixture(scope="module")
def key(studio, data):
    return studio.opened(data, "IMG_1.JPG")


def render(studio, key, **others):
    return studio.post(f"/api/photos/{key}/render", ASK | others)


# What it answers


def test_the_page_learns_what_there_is(studio):
    told = studio.get("/api/studio").json
    assert told["upload_bytes"] == 300_000_000
    assert told["save_to"] is None
    assert ".jpg" in told["formats"]
    assert [each["name"] for each in told["presets"]] == [each.name for each in PRESETS]
    assert told["presets"][1]["cat_eye"] == PRESETS[1].iris.cat_eye
    assert [each["name"] for each in told["presets"] if each["picture"]] == ["heart", "star"]


def test_an_upload_is_opened(studio, data):
    answer = studio.post("/api/photos?name=IMG_2.JPG", data)
    assert answer.status == 201
    assert (answer.json["name"], answer.json["width"], answer.json["height"]) == ("IMG_2.JPG", 96, 64)
    assert studio.get(f"/api/photos/{answer.json['id']}").json == answer.json
    assert studio.ask("DELETE", f"/api/photos/{answer.json['id']}").status == 204
    assert studio.get(f"/api/photos/{answer.json['id']}").status == 410


def test_the_sample_is_opened(studio):
    answer = studio.post("/api/sample")
    assert answer.status == 201
    assert answer.json["depth"]["own"]
    assert (answer.json["name"], answer.json["width"]) == ("sample.jpg", 1536)


def test_a_photo_that_is_only_to_be_saved_is_not_looked_at(studio, data):
    told = studio.post("/api/photos?name=a.jpg&only=save", data).json
    assert told["depth"] is None
    assert told["subject"] is None
    assert told["fingerprint"]
    assert studio.get(f"/api/photos/{told['id']}").json["depth"]["origin"] == "built-in network"


def test_the_photo_is_shown_as_it_is(studio, key, data):
    answer = studio.get(f"/api/photos/{key}/before?side=320")
    assert answer.headers["content-type"] == "image/jpeg"
    assert Image.open(BytesIO(answer.body)).size == (96, 64)
    assert studio.get(f"/api/photos/{key}/before?side=123").status == 422


def test_a_preview_is_rendered(studio, key):
    answer = render(studio, key, window="preview", number=7)
    assert answer.status == 200
    assert answer.headers["x-number"] == "7"
    assert float(answer.headers["x-radius-px"]) > 0
    assert 0 <= float(answer.headers["x-level"]) <= 1
    assert float(answer.headers["x-ms"]) > 0
    assert Image.open(BytesIO(answer.body)).size == (96, 64)


def test_a_part_of_the_whole_photo_is_rendered(studio, key):
    part = {"look": {"f_number": 2.0}, "x": 10, "y": 20, "width": 30, "height": 25, "window": "w", "number": 1}
    after = studio.post(f"/api/photos/{key}/loupe", part)
    before = studio.post(f"/api/photos/{key}/loupe", part | {"before": True})
    assert Image.open(BytesIO(after.body)).size == Image.open(BytesIO(before.body)).size == (30, 25)
    assert after.body != before.body
    assert studio.post(f"/api/photos/{key}/loupe", part | {"width": 2049}).status == 422


def test_depth_is_shown(studio, key):
    answer = studio.post(f"/api/photos/{key}/depth", {"look": {}, "side": 320})
    size = int(answer.headers["x-width"]), int(answer.headers["x-height"])
    levels = np.frombuffer(answer.body, "<u2").reshape(size[::-1])
    assert size == (96, 64)
    assert levels.min() == 0
    assert levels.max() == 65535
    assert float(answer.headers["x-far"]) < float(answer.headers["x-near"])
    assert 0 <= float(answer.headers["x-level"]) <= 1


def test_a_rectangle_gives_what_is_in_focus(studio, key):
    far, near = studio.post(f"/api/photos/{key}/box", {"look": {}, "box": [0.2, 0.4, 0.6, 0.8]}).json["in_focus"]
    assert 0 <= far <= near <= 1
    assert studio.post(f"/api/photos/{key}/box", {"look": {}, "box": [0.6, 0.4, 0.2, 0.8]}).status == 422


@pytest.mark.parametrize("name", [preset.name for preset in PRESETS])
def test_a_preset_shows_its_disc_on_transparent_ground(studio, name):
    pictures = [
        np.asarray(Image.open(BytesIO(studio.get(f"/api/presets/{name}.png?side=64&corner={corner}").body)))
        for corner in (0, 1)
    ]
    assert pictures[0].shape == pictures[1].shape == (64, 64, 4)
    for picture in pictures:
        assert picture[..., 3].max() == 255
        assert not picture[0, :, 3].any()
        assert not picture[:, -1, 3].any()
    cut = {preset.name: preset.iris.cat_eye for preset in PRESETS}[name]
    assert (pictures[0] != pictures[1]).any() == (cut > 0)


def test_a_disc_of_any_look_is_drawn(studio):
    pentagon = studio.post("/api/disc.png?side=64", {"blades": 5}).body
    assert pentagon == studio.get("/api/presets/pentagon.png?side=64").body
    assert studio.post("/api/disc.png?side=4", {}).status == 422
    assert studio.get("/api/presets/hexagno.png").error == "there is no lens preset 'hexagno'; did you mean 'hexagon'?"


def test_a_look_comes_back_without_what_is_default(studio):
    text = Look(f_number=2.0, preset="swirl").to_json()
    answer = studio.post("/api/look", json.dumps(json.loads(text) | {"highlights": 0.5}).encode())
    assert answer.json == json.loads(text)
    refused = studio.post("/api/look", b'{"wideopen": "look/1", "f_numer": 2}')
    assert refused.status == 422
    assert "did you mean f_number?" in refused.error


# What it refuses


@pytest.mark.parametrize(
    ("look", "words"),
    [
        ({"f_numer": 2}, "did you mean f_number?"),
        ({"f_number": "2"}, "is no number"),
        ({"f_number": -2}, "f-number is -2"),
        ({"focus": [0.5]}, "focus"),
        ({"focus": [0.5, 0.5], "focus_m": 2.0}, "one of focus"),
        ({"preset": "heptagon"}, "no lens preset"),
        ({"depth": "/etc/passwd"}, "depth '/etc/passwd' is not known here"),
        ({"depth": "../map.png"}, "is not known here"),
        ({"wideopen": "look/9"}, "look/1 is read here"),
        ("round", "no JSON object"),
        ({"strokes": [{"kind": "nearer"}]}, "strokes"),
    ],
)
def test_a_look_that_cannot_be_is_refused_with_its_reason(studio, key, look, words):
    answer = render(studio, key, look=look)
    assert answer.status == 422
    assert words in answer.error


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"side": 320}', b'{"side": 321, "window": "w", "number": 1}', b"\xff\xfe", b"[" * 99999],
)
def test_a_request_that_makes_no_sense_is_refused(studio, key, body):
    answer = studio.post(f"/api/photos/{key}/render", body)
    assert answer.status == 422
    assert answer.error


def test_a_focus_outside_the_photo_is_refused(studio, key):
    answer = render(studio, key, look={"focus": [1.5, 0.5]})
    assert (answer.status, answer.error) == (
        422,
        "focus at 1.5,0.5 of the frame lies outside the photo of 96x64",
    )


def test_a_text_named_jpg_is_refused_by_its_own_name(studio):
    answer = studio.post("/api/photos?name=notes.jpg", b"Dear diary, today I saw a duck.")
    assert answer.status == 415
    assert answer.error.startswith("notes.jpg is no picture that is read")


def test_a_truncated_photo_is_refused_by_its_own_name(studio, data):
    answer = studio.post("/api/photos?name=half.jpg", data[: len(data) // 2])
    assert answer.status == 415
    assert answer.error.startswith("half.jpg is broken or truncated")


def test_an_empty_photo_is_refused(studio):
    assert studio.post("/api/photos?name=none.jpg", b"").error == "none.jpg is empty; copy or export it again"


def test_a_heic_without_its_codec_is_refused_with_what_to_do(studio, tmp_path, monkeypatch):
    pytest.importorskip("pillow_heif")
    from wideopen.photo import Photo

    Photo(np.zeros((64, 64, 3), np.float32)).save(tmp_path / "a.heic")
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    answer = studio.post("/api/photos?name=a.heic", (tmp_path / "a.heic").read_bytes())
    assert answer.status == 415
    assert answer.error.startswith("a.heic needs a codec that is not installed here (pillow_heif)")


@pytest.mark.parametrize("path", ["forged", "..%2F..%2Fetc%2Fpasswd", "%00", "a" * 500])
def test_a_forged_photo_is_gone(studio, path):
    for answer in (studio.get(f"/api/photos/{path}/before"), studio.post(f"/api/photos/{path}/render", ASK)):
        assert answer.status in (404, 410)
        assert answer.status == 404 or answer.json["gone"] is True
    assert studio.ask("DELETE", "/api/photos/forged").status == 410
    assert studio.get("/api/saves/forged").status == 410


@pytest.mark.parametrize(
    "path", ["/static/..%2Fserver.py", "/static/../server.py", "/static/%2e%2e/server.py", "//etc/passwd"]
)
def test_no_path_leads_out_of_the_page(studio, path):
    answer = studio.get(path)
    assert answer.status == 404
    assert "wideopen.studio" not in answer.body.decode()


def test_two_gigabytes_are_refused_before_they_are_sent(studio):
    with socket.create_connection(("127.0.0.1", studio.port)) as line:
        line.sendall(
            f"POST /api/photos?name=film.jpg HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\n"
            f"Content-Length: {2 << 30}\r\n\r\n".encode()
        )
        line.settimeout(30)
        answer = line.recv(65536)
        while b"}" not in answer:
            answer += line.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"larger than the 300 MB that are taken" in answer


def test_a_body_that_does_not_say_how_long_it_is_is_refused_once_it_is_too_long():
    with served(upload_mb=1) as small:
        answer = small.post("/api/photos?name=film.jpg", iter([b"x" * 400_000] * 3))
        assert (answer.status, answer.error) == (413, door.too_long(1_000_000))
        assert [each.name for each in small.desk._shelf.folder.iterdir()] == ["held"]


def test_a_look_that_is_too_long_is_refused(studio, key):
    answer = studio.post(f"/api/photos/{key}/render", b" " * (MOST_BODY_BYTES + 1))
    assert answer.status == 413


def test_a_body_longer_than_announced_harms_nobody(studio, data):
    with socket.create_connection(("127.0.0.1", studio.port)) as line:
        line.sendall(
            f"POST /api/photos?name=long.jpg HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\n"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
            + data
            + b"more of it\r\n\r\n"
        )
        line.settimeout(30)
        assert line.recv(65536).startswith(b"HTTP/1.1 201")
    assert studio.get("/api/studio").status == 200


def test_a_disk_that_fills_up_while_a_photo_comes_is_told_and_nothing_stays(studio, data, key, monkeypatch):
    before = set(studio.desk._shelf.folder.iterdir())

    async def full(path, stream):
        async for _ in stream:
            path.write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("wideopen.studio.desk._written", full)
    answer = studio.post("/api/photos?name=a.jpg", data * 50)
    assert answer.status == 507
    assert answer.error == "the disk is full; free some space and try again, open photos stay open"
    assert set(studio.desk._shelf.folder.iterdir()) == before
    assert render(studio, key, number=2).status == 200


def test_memory_that_runs_out_is_told_and_the_photo_stays_open(studio, key, monkeypatch):
    def greedy(self, look, *, side, progress):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("wideopen.studio.session.Session.render", greedy)
        assert "more memory than there is" in render(studio, key, number=3).error
    assert render(studio, key, number=4).status == 200


def test_a_fault_is_told_and_the_server_lives(studio, key, monkeypatch, caplog):
    def faulty(self, look, *, side, progress):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("wideopen.studio.session.Session.render", faulty)
        answer = render(studio, key, number=5)
    assert (answer.status, answer.error) == (500, "the studio failed at this; the photo stays open, try again")
    assert render(studio, key, number=6).status == 200


# Many at once


def test_of_fifty_pictures_at_once_the_newest_is_shown_and_the_server_lives(studio, key):
    answers = {}

    def ask(number):
        answers[number] = render(studio, key, look={"f_number": 1 + number / 10}, window="many", number=number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 51)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers[50].status == 200
    assert {answer.status for answer in answers.values()} <= {200, 409}
    assert all(answer.json["stale"] for answer in answers.values() if answer.status == 409)
    assert studio.get("/api/studio").status == 200


def test_a_large_picture_is_left_once_a_newer_is_asked_for(studio, key, monkeypatch):
    begun, drawn, answers = threading.Event(), [], []

    def slowly(light, *others, **settings):
        for row in range(len(light)):
            begun.set()
            drawn.append(row)
            time.sleep(0.05)
            yield slice(row, row + 1), light[row : row + 1]

    with monkeypatch.context() as patched:
        patched.setattr("wideopen.studio.preview.spread_in_strips", slowly)
        look = {"f_number": 1.2}
        ask = threading.Thread(target=lambda: answers.append(render(studio, key, look=look, window="large", number=1)))
        ask.start()
        assert begun.wait(30)
        assert studio.get("/api/studio").status == 200
        patched.undo()
        assert render(studio, key, window="large", number=2).status == 200
    ask.join()
    assert (answers[0].status, answers[0].json["stale"]) == (409, True)
    assert "a newer picture was asked for" in answers[0].error
    assert len(drawn) < 60


def test_an_older_number_is_stale_in_its_own_window_only(studio, key, data):
    other = studio.opened(data, "other.jpg")
    assert render(studio, key, window="a", number=9).status == 200
    assert render(studio, key, window="a", number=9).status == 200
    late = render(studio, key, window="a", number=8)
    assert (late.status, late.json["stale"]) == (409, True)
    assert render(studio, key, window="b", number=8).status == 200
    assert render(studio, other, window="a", number=8).status == 200


def test_the_loop_is_free_while_a_picture_is_drawn(studio, key, monkeypatch):
    began, go_on = threading.Event(), threading.Event()

    def slow(self, look, *, side, progress):
        began.set()
        assert go_on.wait(30)
        raise RequestError("slow")

    monkeypatch.setattr("wideopen.studio.session.Session.render", slow)
    drawing = threading.Thread(target=render, args=(studio, key), kwargs={"window": "slow"})
    drawing.start()
    assert began.wait(30)
    assert studio.get("/api/studio").status == 200
    go_on.set()
    drawing.join()


def test_photos_of_the_command_line_are_open_at_once(tmp_path):
    jpeg(tmp_path, "first.jpg")
    with served(photos=[tmp_path / "first.jpg"]) as running:
        (key,) = running.get("/api/studio").json["photos"]
        assert running.get(f"/api/photos/{key}").json["name"] == "first.jpg"


def test_a_look_that_the_page_sends_is_the_one_that_a_file_holds(tmp_path):
    look = Look(f_number=2.8, focus=(0.25, 0.5), preset="swirl")
    record = json.loads(look.to_json())
    assert look_of(record) == look_of({key: value for key, value in record.items() if key != "wideopen"}) == look


def test_what_is_shown_has_the_photos_own_pixels(studio, key, data, tmp_path):
    (tmp_path / "a.jpg").write_bytes(data)
    shown = np.asarray(Image.open(BytesIO(studio.get(f"/api/photos/{key}/before?side=320").body)), np.float64)
    assert np.abs(shown - read(tmp_path / "a.jpg").pixels * 255).mean() < 3
