"""Hands of bench/held.py: an organiser and teams at the command line, by HTTP and in a browser; all is written down."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import expect

ENDED = ("scored", "refused", "failed", "cancelled")


class UnexpectedError(Exception):
    """Something did not happen as it should."""


def hold(is_so, reason):
    """Fail where something is not so."""
    if not is_so:
        raise UnexpectedError(reason)


@dataclass
class Book:
    """What happened, who did it, and what they were told."""

    out: Path
    begun_s: float = field(default_factory=time.monotonic)
    lines: list = field(default_factory=list)
    hidden: dict = field(default_factory=dict)

    def write(self, who, did, came):
        """Write down what somebody did and was told; secrets and places become words."""
        text = came
        for secret, name in self.hidden.items():
            text = text.replace(secret, name)
        text = " ".join(text.split())
        self.lines.append((round(time.monotonic() - self.begun_s), who, did, text))
        print(f"{self.lines[-1][0]:4} s  {who}: {did}: {text}", file=sys.stderr)

    def run(self, who, did, *words, code=0, says="", quiet=False):
        """Run a command as somebody; gives what it printed."""
        home = self.out / "homes" / re.sub(r"\W", "", who)
        home.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "XDG_CONFIG_HOME": str(home)}
        command = [sys.executable, "-m", "wideopen", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=400, check=False)
        told = done.stdout + done.stderr
        if not quiet:
            self.write(who, did, told)
        hold(done.returncode == code, f"{who}: {did}: exit code {done.returncode} and not {code}: {told}")
        hold(says in told, f"{who}: {did}: {says!r} is not in {told!r}")
        return done.stdout


def until(moment):
    """Wait for a moment of the challenge's dates."""
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds() + 1))


@contextmanager
def serving(book):
    """Serve, with one worker; gives the address and the organiser's link."""
    log, words = book.out / "serve.log", ("challenge", "serve", str(book.out / "challenge"), "--port", "0")
    with log.open("w") as file:
        server = subprocess.Popen([sys.executable, "-m", "wideopen", *words], stdout=file, stderr=subprocess.STDOUT)
        try:
            for _ in range(300):
                found = re.findall(r"(?:at|page:) (http://\S+)", log.read_text())
                if len(found) == 2 or server.poll() is not None:
                    break
                time.sleep(0.2)
            hold(len(found) == 2, f"the server did not start: {log.read_text()}")
            book.hidden |= {found[1]: "LINK", found[0]: "ADDRESS"}
            book.write("organiser", "challenge serve, with one worker", f"serving at {found[0]}")
            yield found
            server.send_signal(signal.SIGINT)
            code = server.wait(60)
            book.write("organiser", "Ctrl-C", f"the server ends with code {code}")
            hold(code in (0, 130), f"the server ended with {code}: {log.read_text()[-2000:]}")
        finally:
            if server.poll() is None:
                # Not killed, for that would leave its worker behind.
                server.send_signal(signal.SIGINT)
                server.wait(60)


class Team:
    """One that takes part by the command line."""

    def __init__(self, book, address, name, token=None):
        self.book, self.address, self.name, self.token = book, address, name, token
        self.place = book.out / "teams" / re.sub(r"\W", "", name)
        self.place.mkdir(parents=True)
        if token is None:
            words = ("challenge", "sign-up", address, name, "--json")
            told = json.loads(book.run(name, "", *words, quiet=True))
            self.token = told["token"]
            book.write(
                name, "challenge sign-up", "it may submit now" if told["approved"] else "it waits for the organiser"
            )
        book.hidden[self.token] = "TOKEN"

    def submit(self, did, answer, *more, code=0, says="", track="cpu"):
        """Submit and wait for nothing; gives what the server keeps, None where it refused."""
        words = ("--token", self.token) if self.token else ()
        words = ("challenge", "submit", self.address, answer, "--track", track, *more, *words)
        told = self.book.run(self.name, did, *words, code=code, says=says)
        return None if code else int(told.split()[0])

    def sheet(self, **facts):
        """Write a fact sheet; gives its file."""
        file = self.place / f"sheet-{len(list(self.place.iterdir()))}.json"
        usual = {"authors": "N. N.", "framework": "wideopen", "hardware": "2 cores", "description": f"By {self.name}."}
        file.write_text(json.dumps(usual | facts))
        return file

    def known(self):
        """All of its submissions, by number."""
        told = ask(f"{self.address}/api/team", f"Bearer {self.token}")[1]
        return {each["id"]: each for each in json.loads(told)["submissions"]}, json.loads(told)["left"]

    def ends(self, number, state, says=""):
        """Wait for a submission's end, and hold it to be this."""
        for _ in range(300):
            found = self.known()[0][number]
            if found["state"] in ENDED:
                break
            time.sleep(1)
        figures = found["figures"] and ", ".join(f"{k} {v:.4f}" for k, v in found["figures"].items() if v is not None)
        why = found["why"].splitlines()[0] if found["why"] else figures or "its figures are hidden"
        self.book.write(self.name, f"submission {number}", f"{found['state']}: {why}")
        hold(
            found["state"] == state,
            f"submission {number} of {self.name} is {found['state']}, not {state}: {found['why']}",
        )
        hold(says in found["why"], f"submission {number}: {says!r} is not in {found['why']!r}")
        return found


def ask(address, who=None, method="GET", body=None):
    """Ask by HTTP; gives status and text. What is not bytes is sent as JSON."""
    headers = {"Authorization": who} if who else {}
    if body is not None and not isinstance(body, bytes):
        body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    asked = urllib.request.Request(address, body, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def fetch(address, name, place):
    """Download and open one of the public zips."""
    place.mkdir(parents=True)
    with urllib.request.urlopen(f"{address}/public/{name}.zip", timeout=60) as answer:
        (place / f"{name}.zip").write_bytes(answer.read())
    with zipfile.ZipFile(place / f"{name}.zip") as archive:
        archive.extractall(place)
    return place


class Page:
    """A page of a browser of its own."""

    def __init__(self, browser, address):
        self.page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        self.page.set_default_timeout(60_000)
        self.alerts = []
        self.page.on("dialog", lambda dialog: (self.alerts.append(dialog.message), dialog.dismiss()))
        self.page.goto(address)

    def sign_up(self, name):
        """Sign a team up, and give its token."""
        self.page.locator("#name").fill(name)
        self.page.locator("#sign-up button").click()
        expect(self.page.locator("#new-token")).to_have_text(re.compile(".{32}"))
        token = self.page.locator("#new-token").inner_text()
        self.page.locator("#kept").click()
        expect(self.page.locator("#team-name")).to_have_text(name)
        return token

    def submit(self, team, did, path, phase, facts, *, track="cpu", refused=None):
        """Submit in the browser as a team does; gives the number."""
        page = self.page
        page.locator("#phase").select_option(phase)
        page.locator("#track").select_option(track)
        if page.locator("#sheet").get_attribute("open") is None:
            page.locator("#sheet summary").click()
        for name, value in facts.items():
            page.locator(f"#submit [name={name}]").fill(value)
        before = page.locator("#list li").count()
        page.locator("#folder" if path.is_dir() else "#file").set_input_files(path)
        page.locator("#send").click()
        if refused:
            expect(page.locator("#refused")).to_contain_text(refused, timeout=60_000)
            team.book.write(team.name, did, page.locator("#refused").inner_text())
            return None
        expect(page.locator("#list li")).to_have_count(before + 1, timeout=60_000)
        number = int(page.locator("#list li").first.get_attribute("id").split("-")[1])
        team.book.write(team.name, did, f"submission {number}: {page.locator('#list .badge').first.inner_text()}")
        return number

    def picture(self, file, selector=None):
        """Save what is seen: all of the page, or one element."""
        self.page.wait_for_timeout(400)
        if selector is None:
            self.page.screenshot(path=file, full_page=True)
        else:
            self.page.locator(selector).screenshot(path=file)
