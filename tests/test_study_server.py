"""The study's server: what it answers, to whom, and what it never says."""

import json
import socket
import threading
from collections import Counter
from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from study_folder import METHODS, drawn, make_study
from wideopen.errors import RequestError
from wideopen.study.guard import HEADERS, MOST_BODY_BYTES
from wideopen.study.limits import Limiter, Limits, Rate, place_of
from wideopen.study.links import Links
from wideopen.study.plan import TRUTH, read_study, write_study
from wideopen.study.server import app, create_links, organiser_link, serve
from wideopen.study.sitting import trials_of
from wideopen.study.store import open_store
from wideopen.study.training import training_of
from wideopen.study.vote import LEVELS, QUESTION
from wideopen.study.web import opening_warning

SCREEN = {"screen_width_px": 1920, "screen_height_px": 1080, "pixel_ratio": 1.5, "zoom": 1, "touch": False}


@pytest.fixture
def folder(tmp_path):
    make_study(tmp_path / "study", simulated=True, consent="All is kept.")
    return tmp_path / "study"


@pytest.fixture
def store(folder):
    with closing(open_store(folder)) as opened:
        yield opened


@pytest.fixture
def client(folder, store):
    return TestClient(app(folder, store), raise_server_exceptions=False)


def link(folder):
    return create_links(folder, 1, address="")[0]


@pytest.fixture
def rater(folder, client):
    """The address of one who may vote at once."""
    address = "/api" + link(folder)
    assert client.post(f"{address}/consent", json=SCREEN).status_code == 200
    assert client.post(f"{address}/trained", json={}).status_code == 200
    return address


def vote(client, rater, trial, level=4, *, revision=0, request=None, shown_s=1.5):
    sent = {"level": level, "shown_s": shown_s, "request": request or str(uuid4()), "revision": revision}
    return client.post(f"{rater}/trials/{trial}/vote", json=sent)


def refused(answer, status, *words):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert error
    assert "\n" not in error
    for word in words:
        assert word in error
    return error


def test_a_whole_sitting(folder, client, store):
    study, address = read_study(folder), "/api" + link(folder)
    state = client.get(f"{address}/state").json()
    trials = trials_of(study, 0)
    assert state["total"] == len(trials) == 8 + 3 + 2
    assert state["levels"] == [{"level": level, "text": LEVELS[level]} for level in (5, 4, 3, 2, 1)]
    assert (state["title"], state["question"], state["consent"]) == ("A small study", QUESTION, "All is kept.")
    assert (state["simulated"], state["phones"], state["consented"], state["done"]) == (True, False, False, False)
    refused(client.get(f"{address}/trials/0"), 403, "agree")
    refused(client.post(f"{address}/trained", json={}), 403, "agree")
    refused(vote(client, address, 0), 403, "agree")
    assert client.post(f"{address}/consent", json=SCREEN).json()["consented"]
    refused(client.get(f"{address}/trials/0"), 403, "examples")
    for example, known in zip(state["training"], training_of(study), strict=True):
        assert example["expected"] == list(known.expected)
        shown = client.get(f"{address}/training/{example['index']}/result").content
        assert shown == drawn(f"{known.picture} {known.method}", (32, 24))
        assert client.get(f"{address}/training/{example['index']}/truth").content != shown
    assert client.post(f"{address}/trained", json={}).json()["trained"]
    for number, trial in enumerate(trials):
        told = client.get(f"{address}/trials/{number}").json()
        assert told == {"trial": number, "width": 32, "height": 24, "level": None, "revision": 0}
        result = client.get(f"{address}/trials/{number}/result")
        assert result.content == drawn(f"{trial.picture} {trial.method}", (32, 24))
        assert result.headers["content-type"] == "image/png"
        truth = client.get(f"{address}/trials/{number}/truth")
        assert truth.content == drawn(f"{trial.picture} {TRUTH}", (32, 24))
        state = vote(client, address, number, 1 + number % 5).json()
        assert state["position"] == number + 1
        assert state["done"] == (number + 1 == len(trials))
    refused(client.get(f"{address}/trials/{len(trials)}"), 404, "no such picture")
    told = client.get(f"{address}/trials/3").json()
    assert (told["level"], told["revision"]) == (4, 1)
    assert vote(client, address, 3, 1, revision=1).json()["done"], "one step back, after the end too"
    votes = store.votes(study)
    assert [each.level for each in votes] == [1, 2, 3, 1, 5, 1, 2, 3, 4, 5, 1, 2, 3]
    assert len(store.history()) == len(trials) + 1


def test_no_answer_tells_methods_files_or_dates(folder, client, rater):
    study = read_study(folder)
    secret = {*study.methods, *study.pictures, *(name for files in study.files.values() for name in files.values())}
    secret -= {"camera", "sharp", "blurred"}  # words that an explanation may use
    for path in ("state", "trials/0", "trials/0/result", "trials/0/truth", "training/0/result"):
        answer = client.get(f"{rater}/{path}")
        said = f"{answer.headers} " + (answer.text if "json" in answer.headers["content-type"] else "")
        assert not [word for word in secret if word in said]
        assert not {"last-modified", "etag", "content-disposition", "server"} & answer.headers.keys()


def test_pictures_are_kept_by_the_browser_and_answers_are_not(client, rater):
    assert client.get(f"{rater}/trials/0/truth").headers["cache-control"].startswith("private, ")
    assert "immutable" in client.get(f"{rater}/trials/0/truth").headers["cache-control"]
    assert client.get(f"{rater}/state").headers["cache-control"] == "no-store"


def test_only_pictures_up_to_the_next_are_given(client, rater):
    for path in ("trials/1", "trials/1/result", "trials/1/truth"):
        refused(client.get(f"{rater}/{path}"), 403, "the next picture is 0")
    refused(vote(client, rater, 1), 403)
    vote(client, rater, 0)
    assert client.get(f"{rater}/trials/1/result").status_code == 200
    for path in ("trials/-1", "trials/x", "trials/0/other", "trials/0/..", "training/9/truth", "training/-1/truth"):
        refused(client.get(f"{rater}/{path}"), 404)


@pytest.mark.parametrize("level", [7, 0, -1, True, "5", 4.5, None, [4], {}])
def test_a_level_that_is_none_is_refused(client, rater, store, level):
    refused(vote(client, rater, 0, level), 422, "level")
    assert store.history() == []


@pytest.mark.parametrize(
    "change",
    [
        {"shown_s": -1},
        {"shown_s": "2"},
        {"shown_s": True},
        {"shown_s": 1e300},
        {"revision": -1},
        {"revision": True},
        {"revision": 10**30},
        {"request": "not random"},
        {"request": None},
        {"name": "somebody"},
    ],
)
def test_answers_that_are_none_are_refused(client, rater, store, change):
    sent = {"level": 4, "shown_s": 1.5, "request": str(uuid4()), "revision": 0} | change
    refused(client.post(f"{rater}/trials/0/vote", json=sent), 422, next(iter(change)))
    assert store.history() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"4",
        b"\xff\xfe",
        b"[" * 4000,
        b'{"level": 4, "shown_s": NaN, "request": "8a1b6f9e-5d3c-4a55-9a43-1f4f6f3a9a10", "revision": 0}',
        b'{"level": 4, "shown_s": 1e999, "request": "8a1b6f9e-5d3c-4a55-9a43-1f4f6f3a9a10", "revision": 0}',
    ],
)
def test_noise_is_refused_in_one_line(client, rater, store, body):
    for kind in ("application/json", "text/plain"):
        answer = client.post(f"{rater}/trials/0/vote", content=body, headers={"content-type": kind})
        assert answer.status_code in (400, 422)
        refused(answer, answer.status_code)
    assert store.history() == []


@pytest.mark.parametrize("field", SCREEN)
def test_a_screen_that_is_none_is_refused(folder, client, field):
    address = "/api" + link(folder)
    for value in ("wide", -3, None):
        refused(client.post(f"{address}/consent", json=SCREEN | {field: value}), 422, field)
    refused(client.post(f"{address}/consent", json=SCREEN | {"browser": "any"}), 422, "browser")
    assert not client.get(f"{address}/state").json()["consented"]


def test_a_double_click_is_one_vote(client, rater, store):
    request = str(uuid4())
    one, two = vote(client, rater, 0, request=request), vote(client, rater, 0, request=request.upper())
    assert one.json() == two.json()
    assert one.status_code == two.status_code == 200
    assert len(store.history()) == 1


def test_two_windows_do_not_answer_over_each_other(client, rater, store):
    vote(client, rater, 0, 5)
    answer = vote(client, rater, 0, 1)
    refused(answer, 409, "another window")
    assert answer.json()["state"]["position"] == 1
    assert [each.level for each in store.history()] == [5]
    assert vote(client, rater, 0, 1, revision=1).status_code == 200


def test_links_that_are_none_are_refused_alike(folder, client, tmp_path, store):
    make_study(tmp_path / "other")
    other = create_links(tmp_path / "other", 1, address="")[0]
    mine, organiser = link(folder), organiser_link(folder, address="")
    token = organiser.removeprefix("/o/")
    never_added = "/r/" + Links(folder).rater_token("0" * 16)
    raters = [other, mine[:-1], mine + "A", "/r/x", "/r/" + "a" * 3000, f"/r/{token}", never_added, "/r/%00", "/r/é"]
    answers = [client.get(f"/api{each}/state") for each in raters]
    stranger = mine.replace("/r/", "/o/")
    answers += [client.get(f"/api{each}/progress") for each in (stranger, organiser[:-1], "/o/x")]
    answers.append(client.post(f"/api{stranger}/links", json={"count": 1}))
    assert len({refused(answer, 404, "not known") for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


def test_who_was_deleted_is_told(client, rater, store):
    vote(client, rater, 0)
    assert store.forget(store.raters()[0].name)
    for answer in (client.get(f"{rater}/state"), client.get(f"{rater}/trials/0/truth"), vote(client, rater, 1)):
        refused(answer, 410, "deleted")


def test_a_full_disk_is_told_and_the_next_try_succeeds(client, rater, store):
    @event.listens_for(store.engine, "checkout")
    def full(connection, record, proxy):
        connection.execute("PRAGMA query_only = 1")

    request = str(uuid4())
    answer = vote(client, rater, 0, request=request)
    refused(answer, 503, "NOT saved")
    assert answer.headers["retry-after"]
    event.remove(store.engine, "checkout", full)

    @event.listens_for(store.engine, "checkout")
    def freed(connection, record, proxy):
        connection.execute("PRAGMA query_only = 0")

    assert vote(client, rater, 0, request=request).status_code == 200
    assert len(store.history()) == 1


def test_a_picture_that_vanished_is_told(folder, client, rater):
    for path in (folder / "pictures").iterdir():
        path.unlink()
    refused(client.get(f"{rater}/trials/0/truth"), 503, "cannot be read now")


def test_an_unforeseen_failure_says_nothing_of_itself(folder, store, client, rater, monkeypatch, caplog):
    def fail(*_):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(type(store), "sheet", fail)
    answer = client.get(f"{rater}/state")
    assert "secret" not in refused(answer, 500, "try again")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" in caplog.text


def test_headers_are_on_every_answer(folder, client, rater):
    answers = [
        client.get(f"{rater}/state"),
        client.get(f"{rater}/trials/0/truth"),
        client.get("/static/rater.js"),
        client.get("/r/any"),
        client.get("/nothing"),
        client.get("/api/r/forged/state"),
        client.put(f"{rater}/state"),
        client.post(f"{rater}/trials/0/vote", content=b"x" * (MOST_BODY_BYTES + 1)),
        client.post(f"{rater}/trials/0/vote", content=b"{"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 404, 404, 405, 413, 422]
    for answer in answers:
        assert HEADERS.items() <= answer.headers.items()
        assert "cache-control" in answer.headers
    policy = HEADERS["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_long_bodies_are_refused_whether_they_say_so_or_not(client, rater):
    def pieces():
        for _ in range(100):
            yield b"x" * 100

    path = f"{rater}/trials/0/vote"
    refused(client.post(path, content=b"x" * 5000), 413, "4096")
    refused(client.post(path, content=pieces()), 413, "4096")
    refused(client.post(path, content=b"{}", headers={"content-length": "-1"}), 413)
    answer = client.post(path, content=b"[" + b" " * 4094 + b"]", headers={"content-type": "application/json"})
    assert answer.status_code == 422, "4096 bytes are not too long"


def test_pages_are_the_same_for_all_and_documents_are_none(client):
    one, two = client.get("/r/one"), client.get("/r/two")
    assert one.content == two.content
    assert one.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<script>" not in one.content
    assert client.get("/o/any").status_code == client.head("/r/any").status_code == 200
    for path in ("/docs", "/redoc", "/openapi.json", "/", "/static", "/static/", "/static/none.js"):
        refused(client.get(path), 404)
    answer = client.get("/r/any", headers={"origin": "https://example.org"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def asked(made, path, **scope):
    """Ask the application itself for a path that a client would tidy."""
    import asyncio

    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    known = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "http_version": "1.1"}
    known |= {"raw_path": path.encode(), "root_path": "", "scheme": "http", "client": ("127.0.0.1", 1), "server": None}
    asyncio.run(made(known | scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../study.json",
        "/static/../../study.json",
        "/static/..\\study.json",
        "/static//etc/passwd",
        "/static/rater.js/../../plan.py",
        "/static/rater.js\0",
        "/static/.",
        "/r/../study.json/..",
        "/../study.json",
        "//study.json",
        "/api/r/../../key",
        "/pictures/",
        "/votes.db",
        "/key",
    ],
)
def test_no_path_leads_to_other_files(folder, store, path):
    status, body = asked(app(folder, store), path)
    assert status == 404
    assert set(json.loads(body)) == {"error"}


def test_a_plan_that_points_elsewhere_is_refused(folder, store):
    study = read_study(folder)
    (folder.parent / "secret.png").write_bytes(b"secret")
    for name in ("../study.json", "../../secret.png", str(folder / "key"), "", ".", "none.png"):
        files = {picture: dict(its) for picture, its in study.files.items()}
        files["pair-1"]["beta"] = name
        write_study(replace(study, files=files), folder)
        with pytest.raises(RequestError, match="missing, or lies outside"):
            app(folder, store)
    files["pair-1"].pop("beta")
    write_study(replace(study, files=files), folder)
    with pytest.raises(RequestError, match="lacks 'beta' for pair-1"):
        app(folder, store)


@pytest.mark.parametrize(("suffix", "kind"), [("webp", "image/webp"), ("jpg", "image/jpeg"), ("gif", None)])
def test_pictures_are_of_types_that_browsers_show(folder, store, suffix, kind):
    study = read_study(folder)
    files = {
        picture: {method: f"{name}.{suffix}" for method, name in its.items()} for picture, its in study.files.items()
    }
    write_study(replace(study, files=files), folder)
    for path in list((folder / "pictures").iterdir()):
        path.rename(path.with_name(f"{path.name}.{suffix}"))
    if kind is None:
        with pytest.raises(RequestError, match="no picture for browsers"):
            app(folder, store)
        return
    client, address = TestClient(app(folder, store)), "/api" + link(folder)
    assert client.get(f"{address}/training/0/truth").headers["content-type"] == kind


def test_the_organiser_sees_counts_and_no_opinion(folder, client, rater, store):
    organiser = "/api" + organiser_link(folder, address="")
    made = client.post(f"{organiser}/links", json={"count": 3}).json()["links"]
    assert len(set(made)) == 3
    assert all(client.get("/api" + each.removeprefix("..") + "/state").status_code == 200 for each in made)
    trials = trials_of(read_study(folder), 0)
    for number in range(len(trials)):
        told = client.get(f"{organiser}/progress").json()
        seen = Counter((each.picture, each.method) for each in trials[:number] if each.kind == "result")
        seen -= Counter((each.picture, each.method) for each in trials[:number] if each.repeat)
        counts = sorted([*seen.values(), *[0] * (8 - len(seen))])
        assert told["votes_per_picture_and_method"] == {
            "min": counts[0],
            "median": (counts[3] + counts[4]) / 2,
            "max": counts[-1],
        }
        assert (told["links"], told["begun"], told["finished"], told["votes"]) == (4, 1, 0, number)
        vote(client, rater, number, 5)
    vote(client, rater, 0, 1, revision=1)
    told = client.get(f"{organiser}/progress").json()
    assert (told["finished"], told["votes"], told["votes_wanted"]) == (1, len(trials), 20)
    for count in (0, 501, True, "3", 2.5):
        refused(client.post(f"{organiser}/links", json={"count": count}), 422, "count")
    store.forget(store.raters()[0].name)
    told = client.get(f"{organiser}/progress").json()
    assert (told["links"], told["begun"], told["finished"], told["votes"]) == (3, 0, 0, 0)


def limited(folder, store, *, proxy=False, **rates):
    return TestClient(app(folder, store, proxy=proxy, limits=replace(Limits(), **rates)))


def test_one_link_is_not_asked_too_often_and_others_are_not_held_up(folder, store):
    client = limited(folder, store, link=Rate(0.1, 3))
    one, two = link(folder), link(folder)
    assert [client.get(f"/api{one}/state").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    answer = client.get(f"/api{one}/state")
    refused(answer, 429, "too often")
    assert 1 <= int(answer.headers["retry-after"]) <= 10
    assert client.get(f"/api{two}/state").status_code == 200


def test_guesses_are_slowed_and_real_links_go_on(folder, store):
    client = limited(folder, store, wrong=Rate(0.1, 3))
    guesses = [client.get(f"/api/r/guess-{number}/state").status_code for number in range(5)]
    assert guesses == [404, 404, 404, 429, 429]
    assert client.get(f"/api{link(folder)}/state").status_code == 200
    assert client.get(f"/api{link(folder)[:-1]}/state").status_code == 429


@pytest.mark.parametrize(("proxy", "statuses"), [(False, [404, 404, 429, 429]), (True, [404, 404, 404, 404])])
def test_forwarded_addresses_are_believed_only_of_a_proxy(folder, store, proxy, statuses):
    made = app(folder, store, proxy=proxy, limits=replace(Limits(), address=Rate(0.1, 2)))
    found = []
    for number in range(4):
        forwarded = f"6.6.6.6, 203.0.113.{number}".encode()
        found.append(asked(made, "/nothing", headers=[(b"x-forwarded-for", forwarded)])[0])
    assert found == statuses


def test_of_forwarded_addresses_only_the_proxys_own_counts(folder, store):
    made = app(folder, store, proxy=True, limits=replace(Limits(), address=Rate(0.1, 2)))
    spoofed = [[(b"x-forwarded-for", f"{number}.1.1.1, 203.0.113.9".encode())] for number in range(4)]
    assert [asked(made, "/nothing", headers=each)[0] for each in spoofed] == [404, 404, 429, 429]


def test_who_is_no_proxy_of_ours_cannot_pretend_another_address(folder, store):
    made = app(folder, store, proxy=True, limits=replace(Limits(), address=Rate(0.1, 2)))
    headers = [[(b"x-forwarded-for", f"203.0.113.{number}".encode())] for number in range(4)]
    found = [asked(made, "/nothing", headers=each, client=("9.9.9.9", 1))[0] for each in headers]
    assert found == [404, 404, 429, 429]


@pytest.mark.parametrize("root_path", ["/study", "study/", "/a/b"])
def test_a_proxy_may_keep_its_prefix_or_take_it_away(folder, store, root_path):
    client = TestClient(app(folder, store, root_path=root_path))
    prefix, mine = "/" + root_path.strip("/"), link(folder)
    for before in ("", prefix):
        assert client.get(f"{before}/api{mine}/state").status_code == 200
        assert client.get(f"{before}{mine}").status_code == 200
        assert client.get(f"{before}/static/rater.js").status_code == 200
    refused(client.get(f"/else/api{mine}/state"), 404)


def test_buckets_fill_again_and_forget_the_oldest():
    now = [0.0]
    limiter = Limiter(Rate(2, 3), clock=lambda: now[0])
    assert [limiter.wait_s("a") for _ in range(4)] == [0, 0, 0, 1]
    assert limiter.wait_s("b") == 0
    now[0] = 0.5
    assert [limiter.wait_s("a") for _ in range(2)] == [0, 1]
    now[0] = 1000
    assert [limiter.wait_s("a") for _ in range(4)] == [0, 0, 0, 1]
    for number in range(2 * Limiter._MOST_KNOWN):
        limiter.wait_s(str(number))
    assert len(limiter._known) == Limiter._MOST_KNOWN


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("x" * 500, "x" * 64),
    ],
)
def test_an_address_belongs_to_somebody(address, place):
    assert place_of(address) == place


@pytest.mark.parametrize(
    ("host", "words"),
    [("127.0.0.1", None), ("::1", None), ("localhost", None), ("0.0.0.0", "HTTPS"), ("::", "HTTPS"), ("pc", "HTTPS")],
)
def test_opening_wider_is_warned_of(host, words):
    warning = opening_warning(host, "raters", proxy=False)
    assert (words in warning) if words else warning is None
    assert opening_warning("0.0.0.0", "raters", proxy=True).startswith("0.0.0.0 is open")


def test_links_are_whole_addresses(folder):
    made = create_links(folder, 2, address="https://example.org/study/")
    assert len(set(made)) == 2
    assert all(each.startswith("https://example.org/study/r/") for each in made)
    assert organiser_link(folder).startswith("http://127.0.0.1:8400/o/")
    with pytest.raises(RequestError, match="1 or more"):
        create_links(folder, 0)
    with pytest.raises(RequestError, match="no study"):
        organiser_link(folder.parent)
    assert not (folder.parent / "key").exists()


def test_a_port_that_is_taken_is_told(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RequestError, match=f"port {port} cannot be listened on") as error:
            serve(folder, port=port)
    assert "\n" not in str(error.value)
    with pytest.raises(RequestError, match="70000 is no port"):
        serve(folder, port=70000)


def test_many_links_are_asked_for_at_once(client, folder):
    links, failures = create_links(folder, 8, address=""), []

    def begin(mine):
        if client.post(f"/api{mine}/consent", json=SCREEN).status_code != 200:
            failures.append(mine)

    threads = [threading.Thread(target=begin, args=(mine,)) for mine in links]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_drawn_study_has_all_kinds(folder):
    assert set(METHODS.values()) == {"result", "reference", "input", "anchor"}
    assert len(list((folder / "pictures").iterdir())) == 4 * 6
