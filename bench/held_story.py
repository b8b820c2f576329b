"""Story of bench/held.py: what the teams and the organiser of a challenge do, in its order."""

import hashlib
import json
import shutil
import time

from PIL import Image, ImageOps
from playwright.sync_api import expect

import challenge_hall
from challenge_models import pickles
from held_hands import Page, Team, ask, fetch, hold
from wideopen.challenge.plan import Limits

SIZE = (384, 256)
TRAINING_STEPS = 40
PER_DAY = 3
LIMITS = Limits(seconds=60, memory_mb=3000)
MALLORY = "<b>Mallory</b><script>alert(1)</script>"
STANDS_FOR = {"Plain Sight": "identity", "Gauss & Sons": "gaussian", "Wide Open": "lens"}
QUALITY = {"Plain Sight": 2.1, "Gauss & Sons": 2.9, "Wide Open": 4.2, "First Steps": 1.6, "Open Graph": 1.3}
FACTS = {"authors": "N. N.", "framework": "wideopen", "hardware": "2 cores", "description": "As wideopen has it."}


class Challenge:
    """What is held, step by step."""

    def __init__(self, book, address, link, browser, dates):
        self.book, self.address, self.link, self.browser, self.dates = book, address, link, browser, dates
        self.folder = book.out / "challenge"
        self.numbers, self.answers = {}, {}

    def sign_up(self):
        """Teams come in, by the command and in the browser; the organiser approves them on the page."""
        book, address = self.book, self.address
        self.pages = {}
        self.teams = {name: Team(book, address, name) for name in ("Plain Sight", "Wide Open", "First Steps")}
        for name in ("Gauss & Sons", "Open Graph", MALLORY):
            self.pages[name] = Page(self.browser, f"{address}/team")
            token = self.pages[name].sign_up(name)
            self.teams[name] = Team(book, address, name, token)
            book.write(name, "signs up in the browser", "it waits for the organiser")
        plain = self.teams["Plain Sight"]
        early = self.book.out / "photos"
        plain.submit(
            "submits before validation begins", early, "--method", "x", "--phase", "validation", code=2, says="not now"
        )
        self.organiser = Page(self.browser, self.link)
        for name in self.teams:
            row = self.organiser.page.locator("#teams tr").filter(has_text=name)
            row.get_by_role("button", name="Approve").click()
            expect(row.locator(".badge")).to_have_text("takes part")
        book.write("organiser", "approves six teams in the browser", "all take part")
        status, told = ask(f"{address}/public/validation.zip")
        hold(status == 403, "photos of validation are given out before it begins")
        book.write("anybody", "GET public/validation.zip, early", f"{status}: {json.loads(told)['error']}")

    def develop(self):
        """A team learns from the public pairs, and another exports what came of it."""
        first, graph = self.teams["First Steps"], self.teams["Open Graph"]
        pairs = fetch(self.address, "development", first.place / "development")
        settings = [f"--set=stages.0.{each}" for each in ("crop_px=[128,128]", "batch=4", "rate=1e-3")]
        words = ("--pairs", pairs, "--out", first.place / "run", "--steps", TRAINING_STEPS, "--validate-on", 1)
        self.book.run(first.name, "", "train", "cet-ece", *words, "--workers", 1, *settings, quiet=True)
        self.checkpoint = first.place / "run" / "best.safetensors"
        self.book.write(first.name, "wideopen train, on development.zip", f"{TRAINING_STEPS} steps of cet-ece")
        self.onnx = graph.place / "graph.onnx"
        words = ("--checkpoint", self.checkpoint, "--to", "onnx", "--size", f"{SIZE[0]}x{SIZE[1]}", "-o", self.onnx)
        self.book.run(graph.name, "wideopen export to ONNX, of the same", "export", "cet-ece", *words)

    def render(self, phase):
        """Each team renders the photos of a phase by its own means."""
        self.zips = {}
        for name in QUALITY:
            team = self.teams[name]
            inputs = fetch(self.address, phase, team.place / phase)
            by = STANDS_FOR.get(name) or (self.checkpoint if name == "First Steps" else self.onnx)
            answer = team.place / f"{phase}-answer"
            words = ("-o", answer, "--with", by)
            self.book.run(name, "", "render", inputs / "original", *words, quiet=True)
            said = self.book.run(
                name, "", "challenge", "check", answer, "--inputs", inputs / f"{phase}.zip", quiet=True
            )
            hold("good" in said, f"{name}: {said}")
            self.answers[name, phase] = answer
        self.book.write("five teams", f"download {phase}.zip, render, challenge check", "good")

    def validate(self):
        """The live board: pictures of five teams, and what is refused."""
        teams, answers = self.teams, self.answers
        for name, track in (("Gauss & Sons", "cpu"), ("Open Graph", "gpu")):
            facts = {"method": f"{name} 1", "authors": "N. N."}
            did = f"submits a folder to {track} in the browser"
            number = self.pages[name].submit(
                teams[name], did, answers[name, "validation"], "validation", facts, track=track
            )
            self.numbers[name, "validation"] = number
        for name in ("Plain Sight", "Wide Open", "First Steps"):
            words = (answers[name, "validation"], "--method", f"{name} 1")
            self.numbers[name, "validation"] = teams[name].submit("challenge submit, a folder to cpu", *words)
        self.over_the_limit()
        self.wrong_size()
        for name in (*QUALITY, MALLORY):
            teams[name].ends(self.numbers[name, "validation"], "scored")
        wide, of_wide = teams["Wide Open"], self.numbers["Wide Open", "validation"]
        found = wide.known()[0][of_wide]["figures"]["psnr_db"]
        file = self.book.out / "by-hand.json"
        words = (answers["Wide Open", "validation"], "--pairs", self.folder / "hidden" / "val", "-o", file)
        self.book.run("organiser", "", "score", *words, "--protocol", "aim2020/1", quiet=True)
        by_hand = json.loads(file.read_text())["psnr_db"]
        hold(by_hand == found, f"wideopen score finds {by_hand} and the challenge {found}")
        self.book.write(
            "organiser", "wideopen score of Wide Open's pictures, by hand", f"{by_hand} dB, as on the board"
        )
        self.strangers(of_wide)

    def over_the_limit(self):
        """One submits until its day is used up."""
        plain, answer = self.teams["Plain Sight"], self.answers["Plain Sight", "validation"]
        for at in range(2, PER_DAY + 1):
            plain.submit(f"submits again, {at} of {PER_DAY} today", answer, "--method", f"Plain Sight {at}")
        said = f"all {PER_DAY} submissions of today are used"
        plain.submit("submits once more than it may", answer, "--method", "one more", code=2, says=said)
        sent = {"upload": "0" * 32, "phase": "validation", "track": "cpu", "kind": "pictures", "request": "request-1"}
        asked = (f"{self.address}/api/submissions", f"Bearer {plain.token}", "POST", sent | {"sheet": {"method": "x"}})
        status, told = ask(*asked)
        hold(status == 429, f"a submission over the limit, by HTTP: {status} {told}")
        self.book.write(plain.name, "does so by HTTP, past the client", f"{status}: {json.loads(told)['error']}")
        known = plain.known()
        hold(known[1]["validation"]["today"] == 0 and len(known[0]) == PER_DAY, "the limit of a day did not hold")

    def wrong_size(self):
        """One picture is of another size; it is named, and costs nothing."""
        mallory, page = self.teams[MALLORY], self.pages[MALLORY]
        right, wrong = self.answers["Plain Sight", "validation"], mallory.place / "wrong"
        shutil.copytree(right, wrong)
        name = sorted(each.name for each in wrong.iterdir())[0]
        Image.open(wrong / name).resize((SIZE[0] - 2, SIZE[1])).save(wrong / name)
        facts = {"method": "<img src=x onerror=alert(2)>"}
        said = f"{name} is {SIZE[0] - 2}x{SIZE[1]} and not {SIZE[0]}x{SIZE[1]}"
        page.submit(
            mallory, "submits a picture of another size, in the browser", wrong, "validation", facts, refused=said
        )
        hold(mallory.known()[1]["validation"]["today"] == PER_DAY, "a picture of another size counts")
        number = page.submit(mallory, "submits right ones", right, "validation", facts)
        self.numbers[MALLORY, "validation"] = number

    def strangers(self, number):
        """Whoever is not who they say."""
        plain, other = self.teams["Plain Sight"], self.teams["Wide Open"]
        words = ("challenge", "status", self.address, "--token", "a" * 32)
        self.book.run("a stranger", "challenge status with a token that nobody has", *words, code=2, says="token")
        words = ("challenge", "cancel", self.address, number, "--token", plain.token)
        self.book.run(plain.name, f"cancels submission {number}, of another team", *words, code=2, says="no submission")
        place = self.folder / "hidden" / "test" / "bokeh"
        truth = f"hidden/test/bokeh/{min(each.name for each in place.iterdir())}"
        for path in (truth, f"public/../{truth}", f"public/%2e%2e/{truth}", "challenge.db", "public/%2e%2e/key"):
            status, _ = ask(f"{self.address}/{path}")
            hold(status in (400, 403, 404), f"{path} is given out")
            self.book.write("anybody", f"GET {path}", f"{status}")
        status, _ = ask(f"{self.address}/api/organiser", f"Bearer {other.token}")
        hold(status in (401, 403), "a team sees the organiser's page")
        self.book.write(other.name, "asks for the organiser's page by its own token", f"{status}")

    def finals(self):
        """The test: pictures and models with fact sheets, and those that do harm."""
        teams, answers = self.teams, self.answers
        plain = teams["Plain Sight"]
        plain.submit("submits to validation, which is over", answers["Plain Sight", "validation"], "--method", "late",
                     "--phase", "validation", code=2, says="not now")  # fmt: skip
        late = self.late = Team(self.book, self.address, "Late Bloomers")
        self.book.run(
            "organiser", "challenge teams --approve", "challenge", "teams", self.folder, "--approve", late.name
        )
        self.harm()
        wide = teams["Wide Open"]
        number = wide.submit("submits validation's lens again, by mistake", answers["Wide Open", "test"], "--sheet",
                             wide.sheet(method="mistake"))  # fmt: skip
        words = ("challenge", "cancel", self.address, number, "--token", wide.token)
        self.book.run(wide.name, "challenge cancel", *words, says="cancelled")
        hold(wide.known()[1]["test"]["today"] == PER_DAY, "a cancelled submission counts")
        plain.submit(
            "submits without a fact sheet", answers[plain.name, "test"], "--method", "bare", code=2, says="fact sheet"
        )
        facts = {**FACTS, "method": "Gaussian blur of all"}
        for track in ("cpu", "gpu"):
            self.number("Gauss & Sons", track, self.pages["Gauss & Sons"].submit(
                teams["Gauss & Sons"], f"submits pictures to {track} in the browser", answers["Gauss & Sons", "test"],
                "test", facts, track=track))  # fmt: skip
            facts = {**FACTS, "method": "cet-ece as a graph", "framework": "ONNX"}
            self.number("Open Graph", track, self.pages["Open Graph"].submit(
                teams["Open Graph"], f"submits its ONNX file to {track} in the browser", self.onnx, "test", facts,
                track=track))  # fmt: skip
            facts = {**FACTS, "method": "Gaussian blur of all"}
        self.number(plain.name, "cpu", plain.submit("submits pictures", answers[plain.name, "test"], "--sheet",
                                                    plain.sheet(method="The photo itself")))  # fmt: skip
        first = teams["First Steps"]
        sheet = first.sheet(method=f"cet-ece after {TRAINING_STEPS} steps")
        self.number(first.name, "cpu", first.submit("submits its checkpoint", self.checkpoint, "--sheet", sheet))
        for track, says in (
            ("cpu", {}),
            ("gpu", {"precomputed_depth": True, "runtime_s": 0.9, "runtime_device": "a phone"}),
        ):
            did = f"submits pictures to {track}" + (", made with depth computed before" if says else "")
            self.number(wide.name, track, wide.submit(did, answers[wide.name, "test"], "--sheet",
                                                      wide.sheet(method="Lens", **says), track=track))  # fmt: skip
        page = self.pages["Gauss & Sons"]
        page.page.locator("#sheet summary").click()
        page.picture(self.book.out / "team-open.png")
        self.organiser.picture(self.book.out / "organiser.png")

    def number(self, name, track, number):
        """Keep what a submission of the test is called."""
        self.numbers[name, f"test/{track}"] = number

    def harm(self):
        """Models that run what they like, never end, or eat memory."""
        mallory = self.teams[MALLORY]
        evil = pickles()
        (mallory.place / "model.safetensors").write_bytes(evil["torch"])
        (mallory.place / "model.pth").write_bytes(evil["torch"])
        sheet = ("--sheet", mallory.sheet(method="Evil"))
        mallory.submit("submits a pickle called model.safetensors", mallory.place / "model.safetensors", *sheet, code=2,
                       says="pickle")  # fmt: skip
        mallory.submit(
            "submits model.pth", mallory.place / "model.pth", *sheet, code=2, says="nothing that can be submitted"
        )
        self.smuggle(mallory)
        hold(mallory.known()[1]["test"]["today"] == PER_DAY, "a pickle counts")
        challenge_hall.SIZE = SIZE
        loops, eats = (
            challenge_hall.endless(mallory.place / "endless.onnx"),
            challenge_hall.hungry(mallory.place / "hungry.onnx"),
        )
        self.loops = mallory.submit("submits an ONNX file that loops for ever", loops, *sheet)
        self.eats = mallory.submit("submits one that asks for 50 GB", eats, *sheet)

    def smuggle(self, team):
        """Send model.pth past the client, straight to the server."""
        content, who = (team.place / "model.pth").read_bytes(), f"Bearer {team.token}"
        sent = {"file_name": "model.pth", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        upload = json.loads(ask(f"{self.address}/api/uploads", who, "POST", sent)[1])["id"]
        ask(f"{self.address}/api/uploads/{upload}?offset=0", who, "PATCH", content)
        sent = {"upload": upload, "phase": "test", "track": "cpu", "kind": "model", "request": "request-1"}
        sheet = FACTS | {"method": "Evil"}
        status, told = ask(f"{self.address}/api/submissions", who, "POST", sent | {"sheet": sheet})
        hold(status == 422 and "pickle" in told, f"model.pth by HTTP: {status} {told}")
        self.book.write(team.name, "sends model.pth by HTTP, past the client", f"{status}: {json.loads(told)['error']}")

    def close(self):
        """The end of the test: the late one, the hidden board, and what became of all."""
        late, book = self.late, self.book
        words = (self.answers["Plain Sight", "test"], "--sheet", late.sheet(method="Late"), "--phase", "test")
        late.submit("submits after the test is over", *words, code=2, says="not now")
        status, told = ask(f"{self.address}/api/uploads", f"Bearer {late.token}", "POST",
                           {"file_name": "a.zip", "bytes": 3, "sha256": "0" * 64})  # fmt: skip
        hold(status == 410, f"an upload after the end: {status} {told}")
        book.write(late.name, "begins an upload by HTTP, past the client", f"{status}: {json.loads(told)['error']}")
        mallory = self.teams[MALLORY]
        mallory.ends(self.loops, "failed", f"stopped after {LIMITS.seconds:g} s")
        mallory.ends(self.eats, "failed", f"may use {LIMITS.memory_mb} MB of memory")
        for (name, where), number in self.numbers.items():
            if where.startswith("test"):
                self.teams[name].ends(number, "scored")
        for _ in range(300):
            told = json.loads(ask(f"{self.address}/api/organiser", f"Organiser {self.link.rsplit('/', 1)[1]}")[1])
            if not any(each["state"] in ("waiting", "running") for each in told["queue"]):
                break
            time.sleep(1)
        book.write(
            "organiser",
            "waits for the queue",
            ", ".join(f"{e['kind']} {e['state']} {e['count']}" for e in told["queue"]),
        )
        board = f"{self.address}/api/boards/test?track=cpu"
        status, told = ask(board)
        hold(status == 403, f"the hidden board is told: {told}")
        book.write("anybody", "GET the board of the test", f"{status}: {json.loads(told)['error']}")
        status, _ = ask(board, f"Bearer {self.teams['Wide Open'].token}")
        hold(status == 403, "a team sees the hidden board")
        number = self.numbers["Wide Open", "test/cpu"]
        hold(ask(f"{self.address}/api/scores/{number}")[0] in (403, 404), "a hidden Score is told")
        words = ("challenge", "board", self.folder, "--phase", "test")
        book.run("organiser", "challenge board --phase test", *words, code=2, says="hidden")
        page = self.organiser.page
        page.get_by_role("button", name="Open the board of the phase test").click()
        page.locator("#sure-yes").click()
        expect(page.locator("#phases .card").nth(1)).to_contain_text("open to everybody")
        status, _ = ask(board)
        hold(status == 200, "the board was opened, and is not told")
        book.write("organiser", "opens the board in the browser", f"anybody: {status}")

    def opinions(self):
        """A simulated panel judges the pictures of the test, and its opinions are joined."""
        book, study = self.book, self.book.out / "study"
        results = [f"--results={name}={self.answers[name, 'test']}" for name in QUALITY]
        words = ("--pairs", self.folder / "hidden" / "test", *results, "--votes", 10, "--simulated", "--trials", 25)
        book.run("organiser", "study new --simulated, of five methods", "study", "new", study, *words)
        qualities = [f"--quality={name}={value}" for name, value in QUALITY.items()]
        book.run("organiser", "study simulate", "study", "simulate", study, *qualities, "--careful", 20)
        book.run("organiser", "", "study", "report", study, quiet=True)
        words = ("challenge", "mos", self.folder, "test", study / "report" / "report.json")
        book.run("organiser", "challenge mos", *words, says="kept as mos/test.json")

    def tables(self):
        """Boards in all forms, and the same out of a backup."""
        book, out = self.book, self.book.out

        def tables(folder):
            return book.run("organiser", "", "challenge", "board", folder, "--json", quiet=True)

        def written(name):
            book.run("organiser", f"challenge board -o {name}", "challenge", "board", self.folder, "-o", out / name)
            return out / name

        first = tables(self.folder)
        boards = {(each["phase"], each["track"]): each for each in map(json.loads, first.splitlines())}
        self.look(boards)
        text = book.run("organiser", "", "challenge", "board", self.folder, quiet=True)
        hold("MOS" in text and MALLORY[:15] in text, "the table as text lacks a column or a name")
        site = written("site")
        hold("<script>alert" not in (site / "index.html").read_text(), "a team's name is HTML in the static pages")
        markdown = written("board.md").read_text()
        saved = out / "backup.zip"
        book.run("organiser", "challenge backup, while it is served", "challenge", "backup", self.folder, "-o", saved)
        book.run("organiser", "challenge restore", "challenge", "restore", saved, out / "again")
        hold(tables(out / "again") == first, "the restored challenge has other tables")
        book.write("organiser", "challenge board of the restored one", "the same, letter by letter")
        return text, markdown

    def look(self, boards):
        """Hold the boards to what must be in them."""
        cpu, gpu, seen = boards["test", "cpu"], boards["test", "gpu"], boards["validation", "cpu"]
        rows = {row["team"]: row for row in cpu["rows"]}
        hold(set(rows) == set(QUALITY), f"the test has the rows {sorted(rows)}")
        hold(cpu["by"] == "mos" and cpu["rows"][0]["team"] == "Wide Open", "MOS does not rank the test")
        hold(all(rows[name]["runtime_s"] for name in ("First Steps", "Open Graph")), "a model was not timed")
        others = {row["team"]: row for row in gpu["rows"]}
        hold(
            others["Wide Open"]["rank"] is None and "depth" in others["Wide Open"]["unranked"], "depth does not unrank"
        )
        hold(
            others["Open Graph"]["rank"] is not None and not others["Open Graph"]["runtime_s"], "a phone was timed here"
        )
        hold({"Plain Sight", MALLORY} <= {row["team"] for row in seen["rows"]}, "validation lacks a team")
        gap = abs(rows["First Steps"]["psnr_db"] - rows["Open Graph"]["psnr_db"])
        hold(gap < 0.1, f"checkpoint and ONNX file of one network are {gap} dB apart")

    def photograph(self, images):
        """Look at the pages as people do."""
        out = self.book.out
        public = Page(self.browser, self.address)
        public.page.locator("#choose-phase input[value=test]").check()
        expect(public.page.locator("#board .fold").first).to_have_text("Wide Open")
        public.picture(out / "public.png")
        public.page.locator("#board .fold").nth(3).click()
        expect(public.page.locator(".inside .facts")).to_contain_text("wideopen")
        public.picture(out / "board.png", "#boards")
        public.page.locator("#choose-phase input[value=validation]").check()
        expect(public.page.locator("#board .fold").filter(has_text="Mallory")).to_have_text(MALLORY)
        public.picture(out / "validation.png", "#boards")
        team = self.pages["Open Graph"]
        team.page.reload()
        expect(team.page.locator("#list li")).to_have_count(3)
        team.picture(out / "team.png")
        self.pages[MALLORY].page.reload()
        expect(self.pages[MALLORY].page.locator("#list li")).to_have_count(3)
        self.pages[MALLORY].picture(out / "mallory.png")
        self.organiser.page.reload()
        expect(self.organiser.page.locator("#submissions tr").first).to_be_visible()
        self.organiser.picture(out / "organiser-end.png")
        hold(not [page for page in (public, self.organiser, *self.pages.values()) if page.alerts], "a team's HTML ran")
        if images:
            for name, file in (("challenge-board", "board.png"), ("challenge-team", "team-open.png")):
                framed = ImageOps.expand(Image.open(out / file).convert("RGB"), 24, "white")
                framed.save(images / f"{name}.jpg", quality=85, optimize=True)
