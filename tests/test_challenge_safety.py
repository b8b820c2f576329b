"""What a challenge's server keeps to itself, and what it does not let be done to it."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient
from sqlalchemy import event

from challenge_served import answer, asked, bearer, held, left, refused, submit, uploaded
from wideopen.challenge import records
from wideopen.challenge.door import Rates
from wideopen.challenge.plan import read_plan, write_plan
from wideopen.challenge.server import MOST_BODY_BYTES
from wideopen.challenge.sheet import FactSheet
from wideopen.challenge.team_desk import MOST_PIECE_BYTES
from wideopen.study.guard import HEADERS
from wideopen.study.limits import Rate


@pytest.fixture(autouse=True)
def boards_are_fresh(monkeypatch):
    monkeypatch.setattr(records, "_BOARD_S", -1.0)


@pytest.fixture
def challenge(tmp_path):
    with held(tmp_path / "challenge") as made:
        yield made


@pytest.fixture
def client(challenge):
    return TestClient(challenge.app(), raise_server_exceptions=False)


@pytest.fixture
def organiser(challenge):
    return {"authorization": f"Organiser {challenge.organiser}"}


@pytest.mark.parametrize("path", ["/api/team", "/api/submissions/1", "/api/uploads/" + "0" * 32])
def test_a_team_s_own_is_for_its_token_alone(challenge, client, path):
    token = challenge.team()[1]
    wrong = [
        {},
        bearer(""),
        bearer("x"),
        bearer(token[:-1]),
        bearer(token + "A"),
        bearer("é" * 10),
        bearer("x" * 5000),
        {"authorization": token},
        {"authorization": f"Organiser {token}"},
        {"cookie": f"token={token}"},
    ]
    for headers in wrong:
        encoded = {name: value.encode() for name, value in headers.items()}
        refused(client.get(path, headers=encoded), 401, "token")
        assert client.get(f"{path}?token={token}&authorization={token}", headers=encoded).status_code == 401
    refused(client.get("/api/team", headers=bearer(challenge.organiser)), 401, "token is not known")
    refused(client.get("/api/team", headers={"authorization": f"Organiser {challenge.organiser}"}), 401, "team's token")


def test_the_organiser_s_is_for_the_organiser_alone(challenge, client):
    token = challenge.team()[1]
    for headers in ({}, bearer(token), {"authorization": f"Organiser {token}"}, bearer(challenge.organiser)):
        refused(client.get("/api/organiser", headers=headers), 401)
        refused(client.post("/api/organiser/teams/1", json={"welcome": True}, headers=headers), 401)
        refused(client.post("/api/organiser/boards/test", json={"open": True}, headers=headers), 401)
        refused(client.delete("/api/organiser/submissions/1", headers=headers), 401)
    assert not challenge.store.shows_board("test")


def test_what_is_another_team_s_is_as_if_there_were_none(challenge, client):
    (one, token), (_, other) = challenge.team("One"), challenge.team("Two")
    upload = uploaded(client, token, answer())
    challenge.submitted(one)
    for told in (
        client.get("/api/submissions/1", headers=bearer(other)),
        client.get("/api/submissions/2", headers=bearer(other)),
    ):
        assert refused(told, 404, "has no submission").rstrip("12") == "this team has no submission "
    refused(client.delete("/api/submissions/1", headers=bearer(other)), 404)
    refused(client.get(f"/api/uploads/{upload}", headers=bearer(other)), 404, "no such upload")
    refused(client.patch(f"/api/uploads/{upload}?offset=0", content=b"x", headers=bearer(other)), 404)
    refused(submit(client, other, upload), 404, "no such upload")
    assert challenge.store.submission(1).state == "waiting"


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        ({"method": "x", "description": "x" * 21_000}, "letters"),
        ({"method": "x", "authors": "x" * 201}, "'authors' has 201 letters"),
        ({"method": ""}, "names the method"),
        ({"method": "x", "colour": "red"}, "no 'colour'"),
        ({"method": "x", "parameters": "many"}, "parameters"),
        ({"method": "x", "parameters": 10**400}, "parameters cannot be"),
        ({"method": "a\u0000b"}, "control characters"),
    ],
)
def test_a_fact_sheet_that_cannot_be_is_refused(challenge, client, sheet, words):
    token = challenge.team()[1]
    refused(submit(client, token, uploaded(client, token, answer()), sheet=sheet), 422, words)
    assert left(client, token) == (3, 5)


def test_a_hidden_board_tells_nothing_until_it_is_opened(challenge, client, organiser):
    challenge.clock.go_on(days=11)
    (one, token), (_, other) = challenge.team("One"), challenge.team("Two")
    challenge.scored(challenge.submitted(one, phase="test"))
    places = ("/api/scores/1", "/api/sheets/1", "/api/galleries/1", "/gallery/1/1.found.jpg")
    for headers in ({}, bearer(token), bearer(other)):
        refused(client.get("/api/boards/test?track=cpu", headers=headers), 403, "hidden until the organiser opens it")
        for place in places:
            mine = headers == bearer(token)
            refused(client.get(place, headers=headers), 403 if mine else 404)
    mine = client.get("/api/team", headers=bearer(token))
    assert (mine.json()["submissions"][0]["state"], mine.json()["submissions"][0]["figures"]) == ("scored", None)
    assert "23.5" not in mine.text
    for place in (*places, "/api/boards/test?track=cpu"):
        assert client.get(place, headers=organiser).status_code == 200
    refused(client.post("/api/organiser/boards/test", json={"open": False}, headers=organiser), 422)
    refused(client.post("/api/organiser/boards/none", json={"open": True}, headers=organiser), 404, "no phase 'none'")
    assert client.post("/api/organiser/boards/test", json={"open": True}, headers=organiser).json()["shown"]
    for place in (*places, "/api/boards/test?track=cpu"):
        assert client.get(place).status_code == 200


def test_what_does_not_stand_on_a_board_is_its_team_s_alone(challenge, client):
    (one, token), (_, other) = challenge.team("One"), challenge.team("Two")
    challenge.scored(challenge.submitted(one), psnr_db=20.0)
    challenge.scored(challenge.submitted(one), psnr_db=24.0)
    refused(client.get("/api/scores/1"), 404, "on a board that you may see")
    refused(client.get("/api/scores/1", headers=bearer(other)), 404)
    assert client.get("/api/scores/1", headers=bearer(token)).json()["psnr_db"] == 20.0
    assert client.get("/api/scores/2").json()["psnr_db"] == 24.0
    challenge.store.judge_team(one, welcome=False)
    refused(client.get("/api/scores/2"), 404)


def test_true_pictures_are_shown_once_nobody_is_asked_for_them(challenge, client, organiser):
    challenge.scored(challenge.submitted(challenge.team()[0]))
    assert client.get("/api/galleries/1").json()["pictures"][0] == {"name": "1", "kinds": ["found", "input"]}
    assert client.get("/gallery/1/1.found.jpg").headers["content-type"] == "image/jpeg"
    refused(client.get("/gallery/1/1.truth.jpg"), 403, "once the phase is over")
    assert client.get("/gallery/1/1.truth.jpg", headers=organiser).status_code == 200
    challenge.clock.go_on(days=10)
    assert client.get("/gallery/1/1.truth.jpg").status_code == 200
    assert "truth" in client.get("/api/galleries/1").json()["pictures"][0]["kinds"]


def test_truth_stays_hidden_while_another_phase_asks_for_the_same_part(challenge):
    plan = read_plan(challenge.folder)
    again = replace(plan, phases=(plan.phases[0], replace(plan.phases[1], part="val")))
    write_plan(again, challenge.folder)
    store = replace(challenge, store=type(challenge.store)(again, challenge.store.database, challenge.clock))
    client = TestClient(store.app())
    challenge.scored(challenge.submitted(challenge.team()[0]))
    challenge.clock.go_on(days=11)
    refused(client.get("/gallery/1/1.truth.jpg"), 403)
    challenge.clock.go_on(days=10)
    assert client.get("/gallery/1/1.truth.jpg").status_code == 200


PATHS = (
    "/hidden/val/bokeh/1.png",
    "/public/../hidden/val/bokeh/1.png",
    "/public/%2e%2e/hidden/val/bokeh/1.png",
    "/public/..%2fhidden%2fval%2fbokeh%2f1.png",
    "/public/..\\hidden\\val\\bokeh\\1.png",
    "/public//hidden/val/bokeh/1.png",
    "/public/validation.zip/../../hidden/val/bokeh/1.png",
    "/public/validation.zip\0",
    "/public/.",
    "/public/",
    "/files/scores/1.json",
    "/files/uploads/1.zip",
    "/uploads/1.part",
    "/challenge.json",
    "/challenge.db",
    "/key",
    "/static/../../key",
    "/static/../server.py",
    "/static//etc/passwd",
    "/gallery/1/../../../key",
    "/gallery/1/..%2f..%2f..%2fkey",
    "/gallery/1/../../scores/1.json",
    "/gallery/1/2.found.jpg/../1.truth.jpg",
    "/gallery/../hidden/val/bokeh/1.jpg",
    "/gallery/1/.found.jpg",
    "/gallery/1/9.found.jpg",
    "/gallery/0/1.found.jpg",
    "/gallery/99999999999999999999/1.found.jpg",
    "/api/scores/../../files/scores/1.json",
    "/api/scores/99999999999999999999",
    "/docs",
    "/openapi.json",
    "//",
    "/o/",
)


def test_no_path_leads_to_what_is_hidden(challenge):
    challenge.scored(challenge.submitted(challenge.team()[0]))
    made = challenge.app()
    for path in PATHS:
        status, body = asked(made, path)
        assert (path, status, set(json.loads(body))) == (path, 404, {"error"})


def test_headers_are_on_every_answer_and_no_cookie_is_set(challenge, client, organiser):
    token = challenge.team()[1]
    answers = [
        client.get("/"),
        client.get("/team"),
        client.get("/o/any"),
        client.get("/static/team.js"),
        client.get("/api/challenge", headers={"origin": "https://example.org"}),
        client.get("/public/validation.zip"),
        client.get("/api/team", headers=bearer(token)),
        client.get("/api/organiser", headers=organiser),
        client.get("/api/team"),
        client.get("/nothing"),
        client.put("/api/team"),
        client.post("/api/teams", content=b"x" * (MOST_BODY_BYTES + 1)),
        client.post("/api/teams", content=b'{"name": "X"}', headers={"content-type": "text/plain"}),
    ]
    assert [each.status_code for each in answers] == [200] * 8 + [401, 404, 405, 413, 422]
    for each in answers:
        assert HEADERS.items() <= each.headers.items()
        assert "cache-control" in each.headers
        assert "set-cookie" not in each.headers
        assert not [name for name in each.headers if name.startswith("access-control")]
    assert client.get("/o/one").content == client.get("/o/two").content


def test_what_is_too_long_is_refused_whether_it_says_so_or_not(challenge, client):
    token = challenge.team()[1]

    def pieces(count):
        for _ in range(count):
            yield b"x" * (1 << 20)

    refused(client.post("/api/teams", content=pieces(1)), 413, "longer")
    refused(client.post("/api/teams", content=b"[" * 100_000, headers={"content-type": "application/json"}), 400)
    upload = uploaded(client, token, answer())
    place = f"/api/uploads/{upload}?offset=0"
    headers = bearer(token) | {"content-length": str(MOST_PIECE_BYTES + 1)}
    refused(client.patch(place, content=b"x", headers=headers), 413, "smaller pieces")
    sent = {"file_name": "a.zip", "bytes": 100 << 20, "sha256": "0" * 64}
    large = client.post("/api/uploads", json=sent, headers=bearer(token)).json()["id"]
    many = client.patch(f"/api/uploads/{large}?offset=0", content=pieces(34), headers=bearer(token))
    refused(many, 413, "smaller pieces")
    sent |= {"bytes": 5 << 30}
    refused(client.post("/api/uploads", json=sent, headers=bearer(token)), 422, "4096 MB")
    for offset in ("-1", "x", ""):
        refused(client.patch(f"/api/uploads/{upload}?offset={offset}", content=b"x", headers=bearer(token)), 422)


def limited(challenge, **rates):
    return TestClient(challenge.app(rates=replace(Rates(), **rates)), raise_server_exceptions=False)


def test_who_asks_too_often_waits_and_others_do_not(challenge):
    (_, one), (_, two) = challenge.team("One"), challenge.team("Two")
    client = limited(challenge, team=Rate(0.1, 3))
    found = [client.get("/api/team", headers=bearer(one)).status_code for _ in range(4)]
    assert found == [200, 200, 200, 429]
    told = client.get("/api/team", headers=bearer(one))
    refused(told, 429, "too often")
    assert 1 <= int(told.headers["retry-after"]) <= 10
    assert client.get("/api/team", headers=bearer(two)).status_code == 200


def test_guesses_are_slowed_and_real_tokens_go_on(challenge):
    token = challenge.team()[1]
    client = limited(challenge, wrong=Rate(0.1, 3))
    guesses = [client.get("/api/team", headers=bearer(f"guess-{number}")).status_code for number in range(5)]
    assert guesses == [401, 401, 401, 429, 429]
    assert client.get("/api/organiser", headers={"authorization": "Organiser x"}).status_code == 429
    assert client.get("/api/team", headers=bearer(token)).status_code == 200


def test_teams_do_not_sign_up_without_end(challenge):
    client = limited(challenge, sign_up=Rate(0.01, 2))
    found = [client.post("/api/teams", json={"name": f"Team {number}"}).status_code for number in range(3)]
    assert found == [201, 201, 429]
    assert limited(challenge, address=Rate(0.1, 1)).get("/nothing").status_code == 404


@pytest.mark.parametrize("name", ["", "x" * 61, "a\u202eb", "a\nb\u0000", "x" * 2000])
def test_a_name_that_cannot_be_is_refused(client, name):
    refused(client.post("/api/teams", json={"name": name}), 422, "letters" if len(name) < 500 else "name")


def test_a_database_that_is_gone_says_so_and_nothing_of_itself(challenge, client):
    token = challenge.team()[1]

    @event.listens_for(challenge.store.engine, "checkout")
    def full(connection, record, proxy):
        connection.execute("PRAGMA query_only = 1")

    told = client.post("/api/teams", json={"name": "Late"})
    event.remove(challenge.store.engine, "checkout", full)
    assert "readonly" not in refused(told, 503, "try again")
    assert told.headers["retry-after"]
    assert client.get("/api/team", headers=bearer(token)).status_code in (200, 503)


def test_sheets_keep_what_teams_wrote_as_text(challenge, client):
    team = challenge.team("<b>One</b>")[0]
    sheet = FactSheet("<img src=x onerror=alert(1)>", description="</script><script>alert(1)</script>")
    challenge.scored(challenge.submitted(team, sheet=sheet))
    told = client.get("/api/sheets/1")
    assert told.headers["content-type"] == "application/json"
    assert told.json()["sheet"]["description"] == sheet.description
    assert client.get("/api/boards/validation?track=cpu").json()["rows"][0]["team"] == "<b>One</b>"
