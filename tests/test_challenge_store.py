"""Teams, submissions and jobs of a challenge, in SQLite and PostgreSQL."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

pytest.importorskip("sqlalchemy")

from challenge_folder import SHEET, UPLOAD, Clock, store_in
from postgresql import postgresql, server  # noqa: F401
from wideopen.challenge.files import Files
from wideopen.challenge.plan import read_plan, write_plan
from wideopen.challenge.queue import MOST_ATTEMPTS, SILENT_S, Queue
from wideopen.challenge.store import QuotaError, open_store
from wideopen.errors import RequestError


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    made = store_in(tmp_path, clock)
    yield made
    made.close()


def submitted(store, team, request="1", phase="validation", kind="pictures"):
    return store.submit(team, phase, "cpu", kind, UPLOAD, SHEET, request=request)


def test_a_token_opens_its_team_alone(store):
    one, token = store.add_team("Team One")
    two, other = store.add_team("Team Two")
    assert store.team(token) == one
    assert store.team(other) == two
    assert store.team(token[:-1]) is None
    assert store.team("") is None
    assert store.team("\udcff") is None


@pytest.mark.parametrize("name", ["team one", " TEAM  ONE ", "\uff34eam one"])
def test_a_name_is_taken_in_whatever_letters(store, name):
    store.add_team("Team One")
    with pytest.raises(RequestError, match="already"):
        store.add_team(name)


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\u202eb", "a\x00b"])
def test_a_name_that_cannot_be_printed_is_refused(store, name):
    with pytest.raises(RequestError, match="1 to 60 letters"):
        store.add_team(name)


def test_a_team_waits_for_the_organiser_where_the_plan_says_so(tmp_path):
    store = store_in(tmp_path, sign_up="approved")
    team, token = store.add_team("New")
    with pytest.raises(RequestError, match="organiser has to approve"):
        submitted(store, team.id)
    store.judge_team(team.id, welcome=True)
    assert submitted(store, team.id).state == "waiting"
    store.judge_team(team.id, welcome=False)
    assert store.team(token) is None
    with pytest.raises(RequestError, match="organiser has to approve"):
        submitted(store, team.id, "2")
    with pytest.raises(RequestError, match="no team 99"):
        store.judge_team(99, welcome=True)


def test_limits_count_by_day_and_in_all_and_the_same_request_counts_once(store, clock):
    team = store.add_team("One")[0].id
    first = submitted(store, team, "a")
    assert submitted(store, team, "a") == first
    submitted(store, team, "b")
    submitted(store, team, "c")
    assert store.left(team, "validation") == (0, 2)
    with pytest.raises(QuotaError, match="all 3 submissions of today"):
        submitted(store, team, "d")
    clock.go_on(days=1)
    submitted(store, team, "d")
    submitted(store, team, "e")
    with pytest.raises(QuotaError, match="all 5 submissions"):
        submitted(store, team, "f")
    assert store.left(store.add_team("Two")[0].id, "validation") == (3, 5)


def test_a_phase_takes_what_it_says_while_it_is_open(store, clock):
    team = store.add_team("One")[0].id
    with pytest.raises(QuotaError, match="not now"):
        submitted(store, team, phase="test")
    with pytest.raises(RequestError, match="takes pictures, not model"):
        submitted(store, team, kind="model")
    with pytest.raises(RequestError, match="no phase 'tests'"):
        submitted(store, team, phase="tests")
    clock.go_on(days=10)
    with pytest.raises(QuotaError, match="not now"):
        submitted(store, team)
    assert submitted(store, team, phase="test", kind="model").state == "waiting"


def test_a_job_is_one_worker_s_and_ends_once(store):
    queue = Queue(store)
    team = store.add_team("One")[0].id
    one = submitted(store, team)
    job = queue.take("w1", "here")
    assert (job.submission.id, job.submission.state) == (one.id, "running")
    assert queue.take("w2", "there") is None
    assert queue.beat(job)
    assert queue.finish(job, "scored", result="scores/1.json")
    assert not queue.finish(job, "failed", why="late")
    assert store.submission(one.id).score == "scores/1.json"
    assert store.submission(one.id).state == "scored"
    assert queue.results("score") == {one.id: "scores/1.json"}


def test_a_dead_worker_s_job_is_taken_again_once_and_then_does_not_count(store, clock):
    queue = Queue(store)
    team = store.add_team("One")[0].id
    one = submitted(store, team)
    taken = []
    for attempt in range(MOST_ATTEMPTS):
        job = queue.take(f"w{attempt}", "here")
        assert job.attempt == attempt + 1
        taken.append(job)
        clock.go_on(seconds=SILENT_S + 1)
    assert queue.take("w9", "here") is None
    assert store.submission(one.id).state == "failed"
    assert "died twice" in store.submission(one.id).why
    assert store.left(team, "validation") == (3, 5)
    for job in taken:
        assert not queue.beat(job)
        assert not queue.finish(job, "scored", result="scores/1.json")
    assert store.submission(one.id).state == "failed"


def test_a_worker_that_beats_is_not_dead(store, clock):
    queue = Queue(store)
    submitted(store, store.add_team("One")[0].id)
    job = queue.take("w1", "here")
    for _ in range(5):
        clock.go_on(seconds=SILENT_S - 1)
        assert queue.beat(job)
        assert queue.take("w2", "here") is None
    assert queue.finish(job, "scored", result="scores/1.json")


def test_what_a_worker_says_after_its_job_was_given_to_another_is_not_heard(store, clock):
    queue = Queue(store)
    one = submitted(store, store.add_team("One")[0].id)
    late = queue.take("w1", "here")
    clock.go_on(seconds=SILENT_S + 1)
    again = queue.take("w2", "here")
    assert not queue.finish(late, "scored", result="scores/late.json")
    assert queue.finish(again, "scored", result="scores/again.json")
    assert store.submission(one.id).score == "scores/again.json"


@pytest.mark.parametrize("running", [False, True])
def test_a_cancelled_submission_does_not_count_and_stops_its_worker(store, clock, running):
    queue = Queue(store)
    team = store.add_team("One")[0].id
    one = submitted(store, team)
    job = queue.take("w1", "here") if running else None
    assert queue.cancel(one.id)
    assert not queue.cancel(one.id)
    assert store.left(team, "validation") == (3, 5)
    if job:
        assert not queue.beat(job)
        assert not queue.finish(job, "scored", result="scores/1.json")
    clock.go_on(seconds=SILENT_S + 1)
    assert queue.take("w2", "here") is None
    assert store.submission(one.id).state == "cancelled"
    assert set(queue.counts()) == {("score", "cancelled")}


def test_a_runtime_is_measured_alone_on_its_host(store, clock):
    clock.go_on(days=10)
    queue = Queue(store)
    team = store.add_team("One")[0].id
    model = submitted(store, team, "a", "test", "model")
    queue.finish(queue.take("w1", "here"), "scored", result="scores/1.json")
    submitted(store, team, "b", "test")
    score = queue.take("w1", "here")
    assert score.kind == "score"
    assert queue.take("w2", "here") is None
    timing = queue.take("w3", "there")
    assert (timing.kind, timing.submission.id) == ("time", model.id)
    submitted(store, team, "c", "test")
    assert queue.take("w4", "there") is None
    assert queue.finish(timing, "scored", result="scores/1.time.json")
    assert queue.take("w4", "there").kind == "score"
    assert queue.results("time") == {model.id: "scores/1.time.json"}


def test_a_runtime_can_be_given_or_measured_again(store, clock):
    clock.go_on(days=10)
    queue = Queue(store)
    team = store.add_team("One")[0].id
    model = submitted(store, team, "a", "test", "model").id
    with pytest.raises(RequestError, match="no submission 1 that is scored"):
        queue.set_runtime(model, "scores/1.given.json")
    queue.finish(queue.take("w1", "here"), "scored", result="scores/1.json")
    timing = queue.take("w1", "here")
    with pytest.raises(RequestError, match="being measured"):
        queue.set_runtime(model, None)
    queue.finish(timing, "failed", why="a full disk", ours=True)
    assert queue.take("w1", "here") is None
    queue.set_runtime(model, None)
    again = queue.take("w1", "here")
    assert (again.kind, again.attempt) == ("time", 1)
    queue.finish(again, "scored", result="scores/1.time.json")
    queue.set_runtime(model, "scores/1.given.json")
    assert queue.results("time") == {model: "scores/1.given.json"}
    pictures = submitted(store, team, "b", "test").id
    queue.finish(queue.take("w1", "here"), "scored", result="scores/2.json")
    with pytest.raises(RequestError, match="is pictures"):
        queue.set_runtime(pictures, None)
    queue.set_runtime(pictures, "scores/2.given.json")
    assert queue.results("time")[pictures] == "scores/2.given.json"


def test_many_workers_take_each_job_once(store):
    queue = Queue(store)
    for number in range(10):
        team = store.add_team(f"Team {number}")[0].id
        for request in "abc":
            submitted(store, team, request)

    def work(name):
        done = []
        while job := queue.take(name, "here"):
            assert queue.finish(job, "scored", result=f"scores/{job.submission.id}.json")
            done.append(job.submission.id)
        return done

    with ThreadPoolExecutor(8) as pool:
        done = Counter(each for some in pool.map(work, [f"w{number}" for number in range(8)]) for each in some)
    assert len(done) == 30
    assert set(done.values()) == {1}


def test_a_team_that_submits_in_many_windows_at_once_gets_no_more_than_its_share(store):
    team = store.add_team("One")[0].id

    def submit(number):
        try:
            return submitted(store, team, str(number)).id
        except QuotaError:
            return None

    with ThreadPoolExecutor(8) as pool:
        assert sum(each is not None for each in pool.map(submit, range(16))) == 3


def test_a_hidden_board_opens_once_and_for_all(store):
    assert store.shows_board("validation")
    assert not store.shows_board("test")
    store.open_board("test")
    store.open_board("test")
    assert store.shows_board("test")


def test_the_history_tells_every_step(store):
    queue = Queue(store)
    one = submitted(store, store.add_team("One")[0].id)
    queue.finish(queue.take("w1", "here"), "refused", why="a picture is missing")
    assert [what for _, what, _ in store.history(one.id)] == ["waiting", "score begun", "score refused"]
    assert store.submission(one.id).why == "a picture is missing"
    assert store.submission(one.id).spent


def test_a_store_is_found_again_as_it_was(tmp_path, clock):
    store = store_in(tmp_path, clock)
    token = store.add_team("One")[1]
    store.close()
    again = open_store(tmp_path, clock=clock)
    assert again.team(token).name == "One"
    again.close()


def test_postgresql_does_the_same(tmp_path, clock, postgresql):  # noqa: F811
    store = store_in(tmp_path, clock, postgresql)
    queue = Queue(store)
    team, token = store.add_team("One")
    assert store.team(token) == team
    with pytest.raises(RequestError, match="already"):
        store.add_team("one")
    for request in "abc":
        submitted(store, team.id, request)
    with pytest.raises(QuotaError):
        submitted(store, team.id, "d")
    with ThreadPoolExecutor(6) as pool:
        taken = [job for job in pool.map(lambda number: queue.take(f"w{number}", "here"), range(6)) if job]
    assert len({job.submission.id for job in taken}) == len(taken) == 3
    assert queue.finish(taken[0], "scored", result="scores/1.json")
    clock.go_on(seconds=SILENT_S + 1)
    assert queue.take("w9", "here").attempt == 2
    store.close()


def test_plans_come_back_and_are_refused_in_one_line(tmp_path):
    store_in(tmp_path).close()
    plan = read_plan(tmp_path)
    assert read_plan(write_plan(plan, tmp_path).parent) == plan
    with pytest.raises(RequestError, match="before it begins"):
        replace(plan, phases=(replace(plan.phases[0], ends=plan.phases[0].begins),))
    with pytest.raises(RequestError, match="cannot be called"):
        replace(plan, phases=(replace(plan.phases[0], name="../x"),))
    with pytest.raises(RequestError, match="holds no challenge"):
        read_plan(tmp_path / "none")


@pytest.mark.parametrize("memory", [False, True])
def test_files_are_kept_and_never_overwritten(tmp_path, memory):
    (tmp_path / "a.txt").write_text("one")
    files = Files("memory://wideopen-test/files" if memory else tmp_path / "files")
    files.put("uploads/a.txt", tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text("two")
    with pytest.raises(RequestError, match="nothing is overwritten"):
        files.put("uploads/a.txt", tmp_path / "a.txt")
    assert files.read("uploads/a.txt") == b"one"
    assert files.keys() == ["uploads/a.txt"]
    with files.local("uploads/a.txt") as path:
        assert path.read_text() == "one"
    for key in ("../a.txt", "uploads/../../a", "/etc/passwd", "uploads/.hidden", "a", ""):
        with pytest.raises(RequestError, match="no name of a file"):
            files.put(key, tmp_path / "a.txt")
    with pytest.raises(RequestError, match="there is no file"):
        files.read("uploads/b.txt")
