"""A team takes part by the command line and the client below it."""

import hashlib
import json
import os
import socket
import stat
import sys
import zipfile
from contextlib import contextmanager
from threading import Thread

import pytest

pytest.importorskip("fastapi")

from challenge_served import NAMES, WHOLE_SHEET, answer, held, picture, served
from command import refuses
from wideopen.challenge import client as clients
from wideopen.challenge import tokens
from wideopen.challenge.client import Asked, Client, RefusedError, ServerError, address_of, submit
from wideopen.challenge.parcel import kind_of, zipped
from wideopen.challenge.sheet import FactSheet
from wideopen.cli import app as commands
from wideopen.cli.challenge_serve import link, teams
from wideopen.cli.challenge_team import cancel, sign_up, status
from wideopen.cli.challenge_team import submit as submit_command
from wideopen.errors import RequestError

ASKED = Asked("validation", "cpu", FactSheet("Ours"))


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(tokens, "place", lambda: tmp_path / "settings" / "challenges.json")
    monkeypatch.delenv(tokens.VARIABLE, raising=False)


@pytest.fixture
def challenge(tmp_path):
    with held(tmp_path / "challenge") as made:
        yield made


@pytest.fixture
def address(challenge):
    with served(challenge.app()) as address:
        yield address


@pytest.fixture
def pictures(tmp_path):
    place = tmp_path / "answer"
    place.mkdir()
    for at, name in enumerate(NAMES):
        (place / f"{name}.png").write_bytes(picture(100 + at))
    return place


def quick(address, token=None):
    return Client(address, token, pauses_s=(0.0, 0.0, 0.0), sleep=lambda _: None)


class Broken:
    """Stands between a client and a server, and loses what it is told to lose."""

    def __init__(self, server):
        self._server, self.lose = server, set()
        self.asked = []

    async def __call__(self, scope, receive, send):
        self.asked.append((scope["method"], scope["path"], scope["query_string"].decode()))
        number = len([each for each in self.asked if each[0] == scope["method"]])
        how = next((how for method, at, how in self.lose if (method, at) == (scope["method"], number)), None)
        if how == "half":
            half = await self._half(receive)
            await self._server(scope, half, self._nobody)
        elif how == "answer":
            await self._server(scope, receive, self._nobody)
        if how is None:
            await self._server(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 502, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    @staticmethod
    async def _nobody(message):
        pass

    @staticmethod
    async def _half(receive):
        message = await receive()
        messages = [{**message, "body": message["body"][: len(message["body"]) // 2], "more_body": True}]

        async def again():
            return messages.pop() if messages else {"type": "http.disconnect"}

        return again


@contextmanager
def broken(challenge, *lose):
    between = Broken(challenge.app())
    between.lose = set(lose)
    with served(between) as address:
        yield address, between


def test_a_folder_is_packed_sent_and_submitted(challenge, address, pictures):
    team, token = challenge.team()
    told, seen = [], lambda *step: told.append(step)
    made = submit(quick(address, token), pictures, ASKED, progress=seen)
    assert (made["state"], made["file_name"], made["kind"]) == ("waiting", "answer.zip", "pictures")
    kept = challenge.store.submissions(team=team)[0].upload
    with challenge.files.local(kept.file) as path, zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["1.png", "10.png", "2.png"]
        assert archive.read("10.png") == (pictures / "10.png").read_bytes()
    assert told[0][0] == "reading"
    assert told[-1] == ("sending", kept.bytes, kept.bytes)


def test_the_same_pictures_are_the_same_zip(pictures, tmp_path):
    one = zipped(pictures, tmp_path / "one.zip").read_bytes()
    os.utime(pictures / "1.png", (0, 0))
    (pictures / "notes.txt").write_text("not sent")
    (pictures / ".hidden.png").write_bytes(b"x")
    assert zipped(pictures, tmp_path / "two.zip").read_bytes() == one
    (pictures / "1.png").write_bytes(picture(9))
    assert zipped(pictures, tmp_path / "three.zip").read_bytes() != one


@pytest.mark.parametrize("how", ["before", "half", "answer"])
def test_an_upload_goes_on_where_it_broke_off(challenge, tmp_path, monkeypatch, how):
    token, content = challenge.team()[1], answer()
    file = tmp_path / "answer.zip"
    file.write_bytes(content)
    monkeypatch.setattr(clients, "PIECE_BYTES", 4000)
    with broken(challenge, ("PATCH", 2, how)) as (address, between):
        assert submit(quick(address, token), file, ASKED)["state"] == "waiting"
    begun = [query for method, _, query in between.asked if method == "PATCH"]
    again = {"before": "offset=4000", "half": "offset=6000", "answer": "offset=8000"}[how]
    assert begun[:3] == ["offset=0", "offset=4000", again]
    (kept,) = challenge.store.submissions()
    assert challenge.files.read(kept.upload.file) == content


def test_an_upload_of_another_day_goes_on(challenge, tmp_path):
    token, content = challenge.team()[1], answer()
    file = tmp_path / "answer.zip"
    file.write_bytes(content)
    with served(challenge.app()) as address:
        sent = {"file_name": "a.zip", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        upload = quick(address, token).ask("POST", "/api/uploads", sent)["id"]
        quick(address, token).ask("PATCH", f"/api/uploads/{upload}?offset=0", content[:5000])
    with broken(challenge) as (address, between):
        assert submit(quick(address, token), file, ASKED)["state"] == "waiting"
    assert [query for method, _, query in between.asked if method == "PATCH"] == ["offset=5000"]


def test_a_submission_whose_answer_was_lost_counts_once(challenge, pictures):
    token = challenge.team()[1]
    with broken(challenge, ("POST", 2, "answer")) as (address, _):
        assert submit(quick(address, token), pictures, ASKED)["id"] == 1
    assert len(challenge.store.submissions()) == 1


def test_a_server_that_fails_again_and_again_is_told_in_one_line(challenge, pictures):
    token = challenge.team()[1]
    lost = [("PATCH", number, "before") for number in range(1, 20)]
    with broken(challenge, *lost) as (address, between), pytest.raises(ServerError, match="status 502"):
        submit(quick(address, token), pictures, ASKED)
    assert len([each for each in between.asked if each[0] == "PATCH"]) == 4


def test_what_the_server_would_refuse_is_refused_before_it_is_sent(challenge, pictures, tmp_path):
    token = challenge.team()[1]
    with broken(challenge) as (address, between):
        client = quick(address, token)

        def refuse(asked, words, path=pictures):
            with pytest.raises(RequestError, match=words) as error:
                submit(client, path, asked)
            assert "\n" not in str(error.value)

        refuse(Asked("finals", "cpu", ASKED.sheet), "no phase 'finals'; there are validation, test")
        refuse(Asked("validation", "tpu", ASKED.sheet), "no track 'tpu'; there are cpu, gpu")
        refuse(Asked("test", "cpu", ASKED.sheet), "takes submissions from 2031-05-11")
        (tmp_path / "model.onnx").write_bytes(b"x")
        refuse(ASKED, "takes pictures, not model", tmp_path / "model.onnx")
        refuse(ASKED, "is not there", tmp_path / "none.zip")
        (tmp_path / "model.pt").write_bytes(b"x")
        refuse(ASKED, "nothing that can be submitted", tmp_path / "model.pt")
        (tmp_path / "empty").mkdir()
        refuse(ASKED, "holds no pictures", tmp_path / "empty")
        for number in range(3):
            challenge.submitted(1, request=f"earlier-{number}")
        refuse(ASKED, "all 3 submissions of today are used")
    assert not [each for each in between.asked if each[0] in ("POST", "PATCH")]


def test_what_the_server_says_is_said(challenge, address, pictures):
    client = quick(address, "wrong")
    with pytest.raises(RefusedError, match="this token is not known") as error:
        client.ask("GET", "/api/team")
    assert error.value.status == 401
    (pictures / "1.png").write_bytes(picture(1, (80, 48)))
    with pytest.raises(RefusedError, match=r"1\.png is 80x48 and not 64x48"):
        submit(quick(address, challenge.team()[1]), pictures, ASKED)


def test_who_is_told_to_wait_waits(challenge):
    from dataclasses import replace

    from wideopen.challenge.door import Rates
    from wideopen.study.limits import Rate

    token, waited = challenge.team()[1], []
    with served(challenge.app(rates=replace(Rates(), team=Rate(0.5, 1)))) as address:
        client = Client(address, token, pauses_s=(0.0,), sleep=waited.append)
        client.ask("GET", "/api/team")
        with pytest.raises(RefusedError, match="too often"):
            client.ask("GET", "/api/team")
    assert waited == [2.0]


@pytest.mark.parametrize(
    "address",
    ["", "here", "ftp://here", "http://", "http://a:b@here", "http://here?x=1", "http://here:port", "http://["],
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(RequestError, match="no address of a challenge"):
        address_of(address)
    assert address_of(" https://here/bokeh/ ") == "https://here/bokeh"


def one_answer(content):
    """Serve one answer, whatever is asked; gives the address and what was asked."""
    listener, heard = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        connection, _ = listener.accept()
        with connection, listener:
            heard.append(connection.recv(65536))
            connection.sendall(content)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", heard, thread


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "is no challenge of wideopen"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", "is no challenge of wideopen"),
        (b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", "status 404; is it the address"),
        (b"HTTP/1.1 302 Go\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n", "a token goes nowhere else"),
        (b"", "does not answer"),
        (b"garbage\r\n\r\n", "does not answer"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello", "does not answer"),
    ],
)
def test_what_is_no_challenge_is_told_in_one_line(content, words):
    address, _, thread = one_answer(content)
    with pytest.raises((RequestError, ServerError), match=words) as error:
        Client(address, "secret").ask_once("GET", "/api/team")
    thread.join()
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


def test_nobody_listening_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ServerError, match="refused"):
        quick(f"http://127.0.0.1:{port}").ask("GET", "/api/challenge")


def test_proxies_of_the_environment_are_asked_but_not_about_this_machine(monkeypatch, challenge, address):
    said = b'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"a": "yes"}'
    proxy, heard, thread = one_answer(said)
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert quick(address).ask("GET", "/api/challenge")["title"] == "Bokeh & more"
    assert Client("http://challenge.invalid").ask_once("GET", "/api/challenge") == {"a": "yes"}
    thread.join()
    assert heard[0].startswith(b"GET http://challenge.invalid/api/challenge ")


def test_kinds_are_told_by_names(tmp_path):
    for name, kind in (("a.ZIP", "pictures"), ("a.onnx", "model"), ("a.tflite", "model"), ("a.safetensors", "model")):
        (tmp_path / name).write_bytes(b"x")
        assert kind_of(tmp_path / name) == kind
    assert kind_of(tmp_path) == "pictures"


@pytest.fixture
def challenge_commands(wideopen, monkeypatch):
    """Call ``wideopen challenge``, whether the commands are in the group yet or not."""
    import click

    group = click.Group("challenge", commands=[sign_up, submit_command, status, cancel, link, teams])
    monkeypatch.setitem(commands.commands, "challenge", group)
    return lambda *words: wideopen("challenge", *words)


def test_a_team_takes_part_by_commands_alone(challenge_commands, challenge, address, pictures, tmp_path):
    code, out, err = challenge_commands("sign-up", address, "Team One")
    assert (code, err) == (0, "")
    known = json.loads((tmp_path / "settings" / "challenges.json").read_text())
    token = known[address]["token"]
    assert token in out
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "settings" / "challenges.json").stat().st_mode) == 0o600
    code, out, err = challenge_commands("submit", address + "/", pictures, "--track", "cpu", "--method", "Ours")
    assert code == 0, err
    assert out.split()[:4] == ["1", "waiting", "validation/cpu", "Ours"]
    challenge.scored(challenge.store.submission(1))
    code, out, _ = challenge_commands("status", address, "--watch")
    assert "1 scored    validation/cpu  Ours  23.50 dB, SSIM 0.8700" in out
    assert "validation: 2 submissions left today, 4 in all" in out
    sheet = tmp_path / "sheet.json"
    sheet.write_text(json.dumps(WHOLE_SHEET))
    code, out, err = challenge_commands("submit", address, pictures, "--track", "gpu", "--sheet", sheet, "--json")
    assert json.loads(out)["id"] == 2, err
    code, out, _ = challenge_commands("cancel", address, 2)
    assert "2 cancelled" in out
    refuses(challenge_commands("cancel", address, 1), 2, "ended already")
    told = json.loads(challenge_commands("status", address, "--json")[1])
    assert [each["state"] for each in told["submissions"]] == ["scored", "cancelled"]
    refuses(challenge_commands("sign-up", address, "team one"), 2, "already")


def test_why_a_submission_was_refused_is_printed_and_controls_nothing(challenge_commands, challenge, address):
    team, token = challenge.team()
    challenge.submitted(team, sheet=FactSheet("a\tb"))
    job = challenge.queue.take("worker", "here")
    challenge.queue.finish(job, "failed", why="stopped after 3600 s\n\x1b[31mred")
    code, out, _ = challenge_commands("status", address, "--token", token)
    assert "failed" in out
    assert "       stopped after 3600 s" in out
    assert "\x1b" not in out
    assert code == 0
    challenge.submitted(team)
    refuses(challenge_commands("status", address, "--token", "x\ny"), 2, "no token of a team")


def test_tokens_come_from_the_option_then_the_variable_then_the_file(monkeypatch):
    address = "https://here"
    with pytest.raises(RequestError, match="no token for https://here"):
        tokens.token_of(address, None)
    tokens.keep(address, "One", "kept")
    tokens.keep("https://there", "Two", "other")
    assert tokens.token_of(address, None) == "kept"
    monkeypatch.setenv(tokens.VARIABLE, "variable")
    assert tokens.token_of(address, None) == "variable"
    assert tokens.token_of(address, "given") == "given"
    monkeypatch.delenv(tokens.VARIABLE)
    assert tokens.token_of("https://there", None) == "other"
    tokens.place().write_text("[]")
    with pytest.raises(RequestError, match="holds no tokens"):
        tokens.token_of(address, None)


def test_what_is_missing_is_asked_for(challenge_commands, challenge, address, pictures):
    token = challenge.team()[1]
    said = ("submit", address, pictures, "--token", token)
    refuses(challenge_commands(*said), 2, "--method")
    refuses(challenge_commands(*said, "--method", "x"), 2, "tracks cpu and gpu", "--track")
    refuses(challenge_commands("submit", address, pictures, "--method", "x"), 2, "no token", "WIDEOPEN_TOKEN")
    refuses(challenge_commands("submit", "here", pictures, "--method", "x"), 2, "no address")
    challenge.clock.go_on(days=30)
    refuses(challenge_commands(*said, "--method", "x", "--track", "cpu"), 2, "no phase takes pictures now")


def test_the_organiser_lists_and_judges_teams(challenge_commands, challenge):
    assert "no team has signed up yet" in challenge_commands("teams", challenge.folder)[1]
    challenge.store.add_team("One"), challenge.store.add_team("Two")
    code, out, err = challenge_commands("teams", challenge.folder, "--block", "one", "--approve", "2", "--json")
    assert code == 0, err
    told = [json.loads(line) for line in out.splitlines()]
    assert [(each["name"], each["state"]) for each in told] == [("One", "blocked"), ("Two", "approved")]
    refuses(challenge_commands("teams", challenge.folder, "--block", "Three"), 2, "no team 'Three'; there are One, Two")
    code, out, _ = challenge_commands("link", challenge.folder, "--address", "https://here/")
    assert out == f"https://here/o/{challenge.organiser}\n"
