"""A challenge's server: what it answers, to whom, and what it never says."""

import contextlib
import hashlib
import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from challenge_folder import days
from challenge_served import NAMES, WHOLE_SHEET, answer, bearer, held, left, picture, refused, submit, uploaded, zip_of
from wideopen.challenge import records
from wideopen.challenge.crew import Crew, work_command
from wideopen.challenge.plan import Phase
from wideopen.challenge.server import organiser_link, serve
from wideopen.errors import RequestError
from wideopen.score.score import Score
from wideopen.study.web import opening_warning


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


def test_a_team_signs_up_sends_an_answer_in_pieces_and_stands_on_the_board(challenge, client):
    told = client.post("/api/teams", json={"name": "Team <One>"})
    assert told.status_code == 201
    token, content = told.json()["token"], answer()
    sent = {"file_name": "answer.zip", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    upload = client.post("/api/uploads", json=sent, headers=bearer(token)).json()["id"]
    place = f"/api/uploads/{upload}"
    assert client.patch(f"{place}?offset=0", content=content[:999], headers=bearer(token)).json() == {"received": 999}
    assert client.get(place, headers=bearer(token)).json() == {"id": upload, "received": 999}
    refused(submit(client, token, upload), 422, f"999 of {len(content)} bytes")
    assert client.post("/api/uploads", json=sent, headers=bearer(token)).json() == {"id": upload, "received": 999}
    assert client.patch(f"{place}?offset=999", content=content[999:], headers=bearer(token)).status_code == 200
    made = submit(client, token, upload)
    assert made.status_code == 201
    assert (made.json()["state"], made.json()["spent"], made.json()["figures"]) == ("waiting", True, None)
    assert left(client, token) == (2, 4)
    challenge.scored(challenge.store.submission(1))
    mine = client.get("/api/submissions/1", headers=bearer(token)).json()
    assert (mine["state"], mine["stands"], mine["figures"]["psnr_db"]) == ("scored", True, 23.5)
    assert mine["sheet"]["method"] == "Ours"
    assert [each["what"] for each in mine["history"]] == ["waiting", "score begun", "score scored"]
    (row,) = client.get("/api/boards/validation?track=cpu").json()["rows"]
    assert (row["team"], row["rank"], row["submission"]) == ("Team <One>", 1, 1)
    assert client.get("/api/sheets/1").json()["sheet"]["method"] == "Ours"
    assert client.get("/api/scores/1").json()["psnr_db"] == 23.5
    assert client.get("/api/boards/validation?track=gpu").json()["rows"] == []


def test_the_first_page_is_told_all_it_shows_and_nothing_hidden(challenge, client):
    told = client.get("/api/challenge").json()
    assert [(each["name"], each["state"], each["shown"]) for each in told["phases"]] == [
        ("validation", "open", True),
        ("test", "soon", False),
    ]
    content = (challenge.folder / "public" / "validation.zip").read_bytes()
    files = {each["name"]: each for each in told["downloads"]}
    assert files["validation.zip"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert files["validation.zip"]["bytes"] == len(content)
    assert files["test.zip"]["from"] == told["phases"][1]["begins"]
    assert "parts" not in told
    assert "command" not in told


def test_pairs_to_learn_from_are_given_out_once_development_begins(tmp_path):
    with held(tmp_path / "challenge", begins=days(1), phases=(Phase("validation", days(3), days(5), "val"),)) as made:
        client = TestClient(made.app())
        told = client.get("/api/challenge").json()
        assert told["development"] == {"begins": days(1), "ends": days(3), "state": "soon"}
        assert {each["name"]: each["from"] for each in told["downloads"]} == {
            "development.zip": days(1), "validation.zip": days(3)
        }  # fmt: skip
        refused(client.get("/public/development.zip"), 403, "given out from 2031-05-02")
        made.clock.go_on(days=1)
        assert client.get("/public/development.zip").status_code == 200
        assert client.get("/api/challenge").json()["development"]["state"] == "open"
        made.clock.go_on(days=2)
        assert client.get("/api/challenge").json()["development"]["state"] == "closed"


@pytest.mark.parametrize("begins", ["", days(-1)])
def test_a_challenge_may_begin_with_its_first_phase(tmp_path, begins):
    with held(tmp_path / "challenge", begins=begins) as made:
        client = TestClient(made.app())
        assert client.get("/api/challenge").json()["development"] is None
        assert client.get("/public/development.zip").status_code == 200


def test_the_score_of_a_runtime_is_given_to_those_who_see_the_submission(challenge, client, organiser):
    team, token = challenge.team()
    challenge.clock.go_on(days=10)
    challenge.scored(challenge.submitted(team, phase="test"))
    refused(client.get("/api/runtimes/1", headers=organiser), 404, "no runtime of submission 1")
    phone = Score(
        "Ours",
        "cpu",
        "measured",
        "runtime/1",
        runtime_s=1.5,
        device="a phone",
        date="2031-05-12",
        command="wideopen time",
    )
    challenge.put("scores/1.given.json", phone.to_json().encode())
    challenge.queue.set_runtime(1, "scores/1.given.json")
    for headers in ({}, bearer(token)):
        assert client.get("/api/runtimes/1", headers=headers).status_code in (403, 404)
    assert client.get("/api/runtimes/1", headers=organiser).json()["runtime_s"] == 1.5
    challenge.store.open_board("test")
    assert client.get("/api/runtimes/1").json()["device"] == "a phone"


def test_downloads_come_in_ranges_and_those_of_a_phase_once_it_begins(challenge, client):
    content = (challenge.folder / "public" / "validation.zip").read_bytes()
    assert client.get("/public/validation.zip").content == content
    part = client.get("/public/validation.zip", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, content[10:20])
    refused(client.get("/public/test.zip"), 403, "given out from 2031-05-11")
    challenge.clock.go_on(days=10)
    assert client.get("/public/test.zip").status_code == 200
    refused(client.get("/public/other.zip"), 404, "no such download")


def test_a_team_waits_for_the_organiser_and_a_blocked_one_is_out(tmp_path):
    with held(tmp_path / "challenge", sign_up="approved") as challenge:
        client = TestClient(challenge.app())
        headers = {"authorization": f"Organiser {challenge.organiser}"}
        told = client.post("/api/teams", json={"name": "New"}).json()
        token = told["token"]
        assert not told["approved"]
        assert client.get("/api/team", headers=bearer(token)).json()["team"]["approved"] is False
        sent = {"file_name": "a.zip", "bytes": 10, "sha256": "0" * 64}
        refused(client.post("/api/uploads", json=sent, headers=bearer(token)), 403, "organiser has to approve")
        refused(submit(client, token, "0" * 32), 403, "organiser has to approve")
        number = told["team"]["id"]
        made = client.post(f"/api/organiser/teams/{number}", json={"welcome": True}, headers=headers)
        assert made.json()["approved"] is True
        assert submit(client, token, uploaded(client, token, answer())).status_code == 201
        assert client.post(f"/api/organiser/teams/{number}", json={"welcome": False}, headers=headers).json()["blocked"]
        refused(client.get("/api/team", headers=bearer(token)), 401, "not known")
        refused(client.post("/api/organiser/teams/99", json={"welcome": True}, headers=headers), 404, "no team 99")
        refused(client.post(f"/api/organiser/teams/{number}", json={"welcome": 1}, headers=headers), 422, "welcome")


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (answer(size=(80, 48)), "pictures", ("1.png is 80x48 and not 64x48",)),
        (answer(names=NAMES[:2]), "pictures", ("10.png", "missing")),
        (zip_of(**{"../1.png": picture(1)}), "pictures", ("../1.png",)),
        (b"no zip at all", "pictures", ("answer.zip",)),
    ],
)
def test_what_cannot_be_scored_is_refused_at_once_with_the_file_named_and_does_not_count(
    challenge, client, content, kind, words
):
    token = challenge.team()[1]
    refused(submit(client, token, uploaded(client, token, content), kind=kind), 422, *words)
    assert left(client, token) == (3, 5)
    assert client.get("/api/team", headers=bearer(token)).json()["submissions"] == []
    assert challenge.files.keys() == [], "what is refused is not kept"
    assert submit(client, token, uploaded(client, token, answer())).status_code == 201


def test_a_pickle_is_refused_whatever_it_is_called(challenge, client):
    challenge.clock.go_on(days=11)
    token = challenge.team()[1]
    upload = uploaded(client, token, b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00." * 9, "model.safetensors")
    told = submit(client, token, upload, phase="test", kind="model", sheet=WHOLE_SHEET)
    refused(told, 422, "pickle", "safetensors")


def test_limits_of_a_phase_are_told_by_what_they_are(challenge, client):
    token = challenge.team()[1]
    upload = uploaded(client, token, answer())
    for number in range(3):
        assert submit(client, token, upload, request=f"request-{number}").status_code == 201
    told = submit(client, token, upload, request="request-9")
    refused(told, 429, "all 3 submissions of today")
    assert int(told.headers["retry-after"]) == 12 * 3600
    assert submit(client, token, upload, request="request-2").json()["id"] == 3, "the same again is the same"
    challenge.clock.go_on(days=1)
    upload = uploaded(client, token, answer(7))
    for number in range(3, 5):
        assert submit(client, token, upload, request=f"request-{number}").status_code == 201
    refused(submit(client, token, upload, request="request-9"), 403, "all 5 submissions of the phase")
    refused(submit(client, token, upload, request="request-9", phase="test", sheet=WHOLE_SHEET), 403, "not now")
    challenge.clock.go_on(days=10)
    refused(submit(client, token, upload, request="request-9"), 410, "not now")
    challenge.clock.go_on(days=10)
    sent = {"file_name": "a.zip", "bytes": 10, "sha256": "0" * 64}
    refused(client.post("/api/uploads", json=sent, headers=bearer(token)), 410, "ended")
    assert len(challenge.store.submissions()) == 5
    assert len(challenge.files.keys()) == 2, "what is over a limit is not kept"


def test_a_phase_that_asks_for_a_fact_sheet_names_what_is_missing(challenge, client):
    challenge.clock.go_on(days=11)
    token = challenge.team()[1]
    upload = uploaded(client, token, zip_of(**{f"{name}.png": picture(at) for at, name in enumerate(NAMES)}))
    told = submit(client, token, upload, phase="test", sheet=WHOLE_SHEET | {"hardware": " "})
    refused(told, 422, "asks for a fact sheet; fill in hardware")
    assert submit(client, token, upload, phase="test", sheet=WHOLE_SHEET).status_code == 201


def test_a_submission_is_cancelled_by_its_team_and_then_does_not_count(challenge, client, organiser):
    team, token = challenge.team()
    challenge.submitted(team), challenge.submitted(team), challenge.submitted(team)
    assert left(client, token) == (0, 2)
    assert client.delete("/api/submissions/2", headers=bearer(token)).json()["state"] == "cancelled"
    assert client.delete("/api/submissions/2", headers=bearer(token)).status_code == 200
    assert left(client, token) == (1, 3)
    challenge.scored(challenge.store.submission(1))
    refused(client.delete("/api/submissions/1", headers=bearer(token)), 409, "ended already (scored)")
    told = client.delete("/api/organiser/submissions/3", headers=organiser)
    assert (told.json()["state"], left(client, token)) == ("cancelled", (2, 4))
    refused(client.delete("/api/organiser/submissions/1", headers=organiser), 409)
    refused(client.delete("/api/organiser/submissions/99", headers=organiser), 404, "no submission 99")


def test_bytes_that_do_not_follow_are_told_where_to_go_on(challenge, client):
    token, content = challenge.team()[1], answer()
    sent = {"file_name": "a.zip", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    place = f"/api/uploads/{client.post('/api/uploads', json=sent, headers=bearer(token)).json()['id']}"
    client.patch(f"{place}?offset=0", content=content[:100], headers=bearer(token))
    told = client.patch(f"{place}?offset=50", content=content[50:], headers=bearer(token))
    refused(told, 409, "100 bytes are there")
    assert told.json()["received"] == 100
    refused(client.patch(f"{place}?offset=100", content=content + b"more", headers=bearer(token)), 422, "more came")


def test_a_file_that_changed_on_its_way_is_thrown_away(challenge, client):
    token, content = challenge.team()[1], answer()
    sent = {"file_name": "a.zip", "bytes": len(content), "sha256": "0" * 64}
    upload = client.post("/api/uploads", json=sent, headers=bearer(token)).json()["id"]
    client.patch(f"/api/uploads/{upload}?offset=0", content=content, headers=bearer(token))
    refused(submit(client, token, upload), 422, "checksum", "upload it again")
    refused(client.get(f"/api/uploads/{upload}", headers=bearer(token)), 404)
    assert challenge.store.submissions() == []


def test_the_organiser_sees_teams_submissions_queue_and_workers(challenge, client, organiser):
    told = client.get("/api/organiser", headers=organiser).json()
    assert (told["awake"], told["workers"]) == (0, [])
    assert told["command"] == f"wideopen challenge work {challenge.folder}"
    team = challenge.team("<One>")[0]
    challenge.scored(challenge.submitted(team))
    challenge.submitted(team)
    challenge.queue.take("worker-2", "there")
    challenge.clock.go_on(seconds=20)
    told = client.get("/api/organiser?rows=1", headers=organiser).json()
    assert [each["id"] for each in told["submissions"]] == [2]
    assert told["total"] == 2
    assert told["queue"] == [
        {"kind": "score", "state": "done", "count": 1},
        {"kind": "score", "state": "running", "count": 1},
    ]
    assert [(each["name"], each["silent_s"], each["job"]) for each in told["workers"]] == [
        ("worker", 20, None),
        ("worker-2", 20, ["score", 2]),
    ]
    assert (told["awake"], told["teams"][0]["name"], told["teams"][0]["submissions"]) == (2, "<One>", 2)
    challenge.clock.go_on(seconds=20)
    assert client.get("/api/organiser", headers=organiser).json()["awake"] == 0
    challenge.clock.go_on(days=1)
    assert client.get("/api/organiser", headers=organiser).json()["workers"] == []


def test_an_infinite_figure_is_told_as_one(challenge, client):
    team, token = challenge.team()
    challenge.scored(challenge.submitted(team), psnr_db=math.inf)
    for place in ("/api/team", "/api/submissions/1", "/api/boards/validation?track=cpu", "/api/scores/1"):
        assert "1e999" in client.get(place, headers=bearer(token)).text


def test_links_and_warnings(challenge):
    assert organiser_link(challenge.folder, address="https://example.org/bokeh/") == (
        f"https://example.org/bokeh/o/{challenge.organiser}"
    )
    with pytest.raises(RequestError, match="holds no challenge"):
        organiser_link(challenge.folder.parent)
    assert opening_warning("127.0.0.1", "teams", proxy=False) is None
    assert "HTTPS" in opening_warning("0.0.0.0", "teams", proxy=False)


def test_a_port_that_is_taken_is_told_before_a_worker_is_started(challenge):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RequestError, match=f"port {port} cannot be listened on"):
            serve(challenge.folder, port=port, workers=1)


def test_a_worker_that_ends_is_started_again_and_all_end_with_the_server(tmp_path, monkeypatch):
    monkeypatch.setattr("wideopen.challenge.crew._PAUSES_S", (0.0,))
    monkeypatch.setattr("wideopen.challenge.crew._LOOK_EVERY_S", 0.02)
    said = tmp_path / "said"
    code = (
        "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n');"
        "lines = open(sys.argv[1]).readlines(); time.sleep(0 if len(lines) < 3 else 600)"
    )
    with Crew([sys.executable, "-c", code, str(said)], 1):
        until = time.monotonic() + 30
        while not said.exists() or len(said.read_text().splitlines()) < 3:
            assert time.monotonic() < until
            time.sleep(0.02)
    psutil = pytest.importorskip("psutil")
    assert not any(psutil.pid_exists(int(pid)) for pid in said.read_text().split())
    with Crew([sys.executable], 0):
        pass


def test_a_worker_is_told_where_the_challenge_is(tmp_path):
    words = work_command(tmp_path, database="postgresql://here/one", files="s3://bucket/one")
    assert words[1:] == [
        "-m", "wideopen", "challenge", "work", str(tmp_path), "--parent", str(os.getpid()),
        "--database", "postgresql://here/one", "--files", "s3://bucket/one",
    ]  # fmt: skip
    assert work_command(tmp_path, database=None, files=None)[-1] == str(os.getpid())


def test_a_challenge_may_lie_below_a_prefix(challenge):
    client = TestClient(challenge.app(root_path="/bokeh"))
    for before in ("", "/bokeh"):
        assert client.get(f"{before}/api/challenge").status_code == 200
        assert client.get(f"{before}/team").status_code == 200


SERVE = """
import sys
from pathlib import Path
from wideopen.challenge import server
worker = "import os, time; print('worker', os.getpid(), flush=True); time.sleep(600)"
server.work_command = lambda *_, **__: [sys.executable, "-c", worker]
server.serve(Path(sys.argv[1]), port=0, ready=lambda address: print("at", address, flush=True))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_ends_server_and_workers_and_no_token_was_written_down(challenge):
    psutil = pytest.importorskip("psutil")
    token = challenge.team()[1]
    words = [sys.executable, "-c", SERVE, str(challenge.folder)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        found = dict(sorted(process.stdout.readline().split() for _ in range(2)))
        for secret, kind in ((token, "Bearer"), ("guessed-token", "Bearer"), (challenge.organiser, "Organiser")):
            request = urllib.request.Request(f"{found['at']}/api/team", headers={"authorization": f"{kind} {secret}"})
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(request).close()
        urllib.request.urlopen(f"{found['at']}/o/{challenge.organiser}").close()
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[0]
    finally:
        process.kill()
    assert process.returncode == 0
    assert not psutil.pid_exists(int(found["worker"]))
    assert not [each for each in (token, "guessed-token", challenge.organiser) if each in said]
