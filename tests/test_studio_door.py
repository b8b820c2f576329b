"""The studio's door: who may ask, and what every answer carries."""

import pytest

from studio_server import jpeg, served
from wideopen.studio import door
from wideopen.studio.door import HEADERS


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


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", "[", ""]
)
def test_another_host_is_refused(studio, host):
    answer = studio.get("/api/studio", Host=host.format(port=studio.port))
    assert answer.status in (400, 403)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_this_computer_is_let_in_by_all_its_names(studio, host):
    assert studio.get("/api/studio", Host=f"{host}:{studio.port}").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_another_page_may_change_nothing(studio, headers):
    answer = studio.post("/api/sample", **headers)
    assert (answer.status, answer.error) == (403, "this came from another page than the studio's")


def test_another_page_may_not_even_ask_but_may_link_to_the_page(studio):
    assert studio.get("/api/studio", Sec_Fetch_Site="cross-site").status == 403
    assert studio.get("/static/none.js", Sec_Fetch_Site="cross-site").status == 404
    assert studio.get("/api/studio", Sec_Fetch_Site="none").status == 200


def test_the_page_itself_may_ask(studio):
    own = {"Origin": f"http://127.0.0.1:{studio.port}", "Sec_Fetch_Site": "same-origin"}
    assert studio.post("/api/disc.png", b"{}", **own).status == 200


def test_every_answer_has_careful_headers_and_is_not_stored(studio, key):
    answers = [studio.get(path) for path in ("/", "/none", "/api/studio", f"/api/photos/{key}/before")]
    answers += [studio.get("/api/studio", Host="evil.example"), studio.post("/api/look", b"{")]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)
        assert answer.headers["cache-control"] == "no-store"


def test_no_outside_address_may_be_loaded():
    assert "http" not in HEADERS["content-security-policy"]
    assert HEADERS["content-security-policy"].startswith("default-src 'self';")


@pytest.fixture
def wide():
    with served(token="secret-token") as running:
        yield running


def test_a_wide_studio_wants_its_token_and_gives_a_cookie_for_it(wide):
    assert wide.get("/api/studio").status == wide.get("/").status == wide.post("/api/sample").status == 401
    assert wide.get("/?token=wrong").status == 401
    entered = wide.get("/?token=secret-token", Host="camera.example:8321")
    cookie = entered.headers["set-cookie"]
    assert entered.status == 200
    assert b"url=/" in entered.body
    assert cookie == f"wideopen-{wide.port}=secret-token; HttpOnly; SameSite=Strict; Path=/"
    assert wide.get("/api/studio", Cookie=cookie.split(";")[0], Host="camera.example:8321").status == 200
    assert wide.get("/api/studio", Cookie=f"wideopen-{wide.port}=secret-tokem").status == 401
    assert wide.post("/api/sample", Cookie=cookie.split(";")[0], Origin="http://evil.example").status == 403


def test_wrong_tokens_are_limited_but_who_is_in_stays_in(wide):
    for _ in range(door.MOST_WRONG):
        assert wide.get("/?token=wrong").status == 401
    assert wide.get("/?token=secret-token").status == 429
    assert wide.get("/api/studio", Cookie=f"wideopen-{wide.port}=secret-token").status == 200
