"""The store: what was acknowledged stays, once, in SQLite and in PostgreSQL alike."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from postgresql import postgresql, server  # noqa: F401
from study_folder import make_study
from wideopen.database import _set_up_sqlite as set_up_sqlite
from wideopen.errors import RequestError
from wideopen.study.plan import read_study, write_study
from wideopen.study.sitting import trials_of
from wideopen.study.store import AnsweredError, ForgottenError, Screen, StoreError, open_store

SCREEN = Screen(1920, 1080, 1.25, 1.0, touch=False)


@pytest.fixture
def folder(tmp_path):
    make_study(tmp_path / "study")
    return tmp_path / "study"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    return None if request.param == "sqlite" else request.getfixturevalue("postgresql")


@pytest.fixture
def store(folder, database):
    with closing(open_store(folder, database)) as opened:
        yield opened


def rater_of(store):
    name = store.add_rater()
    store.consent(name, SCREEN)
    store.train(name)
    return name


def say(store, rater, trial, level, *, revision=0, request=None, shown_s=2.5):
    return store.answer(rater, trial, level, shown_s=shown_s, request=request or str(uuid4()), revision=revision)


def test_the_last_answer_counts_and_all_are_kept(store, folder):
    rater = rater_of(store)
    say(store, rater, 0, 4)
    say(store, rater, 1, 2)
    sheet = say(store, rater, 0, 5, revision=1)
    assert {trial: answer.level for trial, answer in sheet.answers.items()} == {0: 5, 1: 2}
    assert store.sheet(rater) == sheet
    assert [(answer.trial, answer.level, answer.revision) for answer in store.history()] == [
        (0, 4, 0),
        (1, 2, 0),
        (0, 5, 1),
    ]
    study = read_study(folder)
    trials = trials_of(study, 0)
    votes = store.votes(study)
    assert [(vote.trial, vote.level) for vote in votes] == [(0, 5), (1, 2)]
    for vote in votes:
        shown = trials[vote.trial]
        assert (vote.picture, vote.method, vote.kind, vote.repeat) == (
            shown.picture,
            shown.method,
            shown.kind,
            shown.repeat,
        )
        assert (vote.rater, vote.shown_s) == (rater, 2.5)


def test_the_same_request_is_stored_once(store):
    rater, request = rater_of(store), str(uuid4())
    first = say(store, rater, 0, 4, request=request)
    say(store, rater, 0, 3, revision=1)
    again = say(store, rater, 0, 4, request=request)
    assert first.answers[0].level == 4
    assert again.answers[0].level == 3
    assert len(store.history()) == 2
    for trial, level in ((0, 5), (1, 4)):
        with pytest.raises(AnsweredError, match="used for another answer"):
            say(store, rater, trial, level, request=request)
    assert len(store.history()) == 2


def test_a_request_is_one_raters_own(store):
    one, two, request = rater_of(store), rater_of(store), str(uuid4())
    say(store, one, 0, 4, request=request)
    say(store, two, 0, 1, request=request)
    assert [answer.level for answer in store.history()] == [4, 1]


@pytest.mark.parametrize("revision", [1, 7])
def test_an_answer_that_does_not_know_of_the_others_is_refused(store, revision):
    rater = rater_of(store)
    with pytest.raises(AnsweredError):
        say(store, rater, 0, 4, revision=revision)
    say(store, rater, 0, 4)
    with pytest.raises(AnsweredError, match="another window"):
        say(store, rater, 0, 2)
    assert [answer.level for answer in store.history()] == [4]


def test_many_at_once_store_each_once(store):
    rater, request = rater_of(store), str(uuid4())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: say(store, rater, 0, 4, request=request), range(24)))
        assert len(store.history()) == 1

        def other(level):
            try:
                say(store, rater, 0, level, revision=1)
                return 1
            except AnsweredError:
                return 0

        assert sum(pool.map(other, [1, 2, 3, 5] * 6)) == 1
    assert len(store.history()) == 2


def test_numbers_are_given_with_the_consent_without_gaps(store):
    names = [store.add_rater() for _ in range(12)]
    assert len(set(names)) == 12
    assert {rater.number for rater in store.raters()} == {None}
    with ThreadPoolExecutor(6) as pool:
        sheets = list(pool.map(lambda name: store.consent(name, SCREEN), names[:8]))
    assert sorted(sheet.rater.number for sheet in sheets) == list(range(8))
    again = store.consent(names[0], replace(SCREEN, touch=True))
    assert again == store.sheet(names[0])
    assert again.rater.number == sheets[0].rater.number
    assert store.consent(names[11], SCREEN).rater.number == 8


def test_who_is_deleted_is_gone_but_for_having_been_there(store, folder):
    gone, kept = rater_of(store), rater_of(store)
    for rater in (gone, kept):
        say(store, rater, 0, 4)
    assert store.forget(gone)
    assert not store.forget("nobody")
    assert [vote.rater for vote in store.votes(read_study(folder))] == [kept]
    assert [answer.rater for answer in store.history()] == [kept]
    rater = store.sheet(gone).rater
    assert (rater.number, rater.consented, rater.trained) == (0, None, None)
    assert rater.forgotten is not None
    with store.engine.connect() as connection:
        row = connection.execute(text("SELECT screen_width_px, zoom, touch FROM raters WHERE number = 0")).one()
    assert tuple(row) == (None, None, None)
    for attempt in (lambda: say(store, gone, 1, 4), lambda: store.consent(gone, SCREEN), lambda: store.train(gone)):
        with pytest.raises(ForgottenError):
            attempt()
    assert rater_of(store) in {each.name for each in store.raters() if each.number == 2}, "numbers are not used again"


def test_a_clock_that_jumps_back_changes_nothing(folder, database):
    start = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)
    times = iter([start - timedelta(days=400 * step) for step in range(50)])
    with closing(open_store(folder, database, clock=lambda: next(times))) as store:
        rater = rater_of(store)
        for revision, level in enumerate((1, 3, 5)):
            sheet = say(store, rater, 0, level, revision=revision)
        history = store.history()
        assert sheet.answers[0].level == store.votes(read_study(folder))[0].level == 5
        assert [answer.level for answer in history] == [1, 3, 5]
        assert [answer.at for answer in history] == sorted((answer.at for answer in history), reverse=True)


def test_what_was_stored_is_there_when_opened_again(folder, database):
    with closing(open_store(folder, database)) as store:
        rater = rater_of(store)
        sheet = say(store, rater, 0, 4)
    with closing(open_store(folder, database)) as store:
        assert store.sheet(rater) == sheet


def test_several_processes_may_begin_at_once(folder, database):
    def begin(_):
        with closing(open_store(folder, database)) as store:
            return store.add_rater()

    with ThreadPoolExecutor(6) as pool:
        names = list(pool.map(begin, range(6)))
    with closing(open_store(folder, database)) as store:
        assert {rater.name for rater in store.raters()} == set(names)


def test_who_begins_a_database_waits_for_others_that_do(monkeypatch):
    asked = []

    class Busy:
        def execute(self, text):
            asked.append(text)
            if len(asked) < 4:
                raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr("wideopen.database._PAUSE_S", 0.0)
    set_up_sqlite(Busy(), None)
    assert asked[:4] == ["PRAGMA journal_mode=WAL"] * 4
    assert len(asked) > 5
    monkeypatch.setattr("wideopen.database._WAIT_S", -1)
    asked.clear()
    with pytest.raises(sqlite3.OperationalError):
        set_up_sqlite(Busy(), None)


def test_votes_are_not_read_by_another_plan(store, folder, database):
    write_study(replace(read_study(folder), title="Told otherwise"), folder)
    open_store(folder, database).close()
    write_study(replace(read_study(folder), seed=8), folder)
    with pytest.raises(RequestError, match="another plan") as error:
        open_store(folder, database)
    assert "\n" not in str(error.value)


def test_votes_of_a_newer_version_are_refused(store, folder, database):
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE about SET value = '2' WHERE name = 'version'"))
    with pytest.raises(RequestError, match="version 2, and this wideopen knows 1"):
        open_store(folder, database)


def test_a_study_of_a_newer_version_is_refused(folder):
    path = folder / "study.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(RequestError, match="version 2"):
        open_store(folder)
    assert not (folder / "votes.db").exists()


def test_a_level_that_is_none_cannot_be_stored(store):
    rater = rater_of(store)
    with pytest.raises(StoreError, match="nothing was changed") as error:
        say(store, rater, 0, 6)
    assert "\n" not in str(error.value)
    assert store.history() == []


def test_a_full_disk_is_told_and_nothing_acknowledged_is_lost(folder):
    with closing(open_store(folder)) as store:
        rater = rater_of(store)

        @event.listens_for(store.engine, "checkout")
        def full(connection, record, proxy):
            connection.execute(f"PRAGMA max_page_count = {20}")

        kept = 0
        with pytest.raises(StoreError, match="full"):
            for trial in range(1000):
                say(store, rater, trial, 1 + trial % 5)
                kept += 1
        assert 10 < kept < 1000
        for _ in range(3):
            with pytest.raises(StoreError, match="full"):
                say(store, rater, kept, 3)
        assert len(store.history()) == kept, "it can still be read"
        event.remove(store.engine, "checkout", full)

        @event.listens_for(store.engine, "checkout")
        def freed(connection, record, proxy):
            connection.execute("PRAGMA max_page_count = 1000000")

        say(store, rater, kept, 3)
        assert [answer.trial for answer in store.history()] == list(range(kept + 1))


def test_a_store_that_may_only_be_read_is_told(folder):
    with closing(open_store(folder)) as store:
        rater = rater_of(store)

        @event.listens_for(store.engine, "checkout")
        def frozen(connection, record, proxy):
            connection.execute("PRAGMA query_only = 1")

        with pytest.raises(StoreError, match="readonly"):
            say(store, rater, 0, 4)
        assert store.history() == []


def test_a_file_that_is_no_database_is_told(folder):
    (folder / "votes.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store(folder)


def test_every_answer_waits_for_the_disk(folder):
    with closing(open_store(folder)) as store, store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"


def test_what_another_connection_reads_is_what_was_acknowledged(folder):
    with closing(open_store(folder)) as store:
        rater = rater_of(store)
        for trial in range(5):
            say(store, rater, trial, 3)
            with closing(sqlite3.connect(folder / "votes.db")) as other:
                assert other.execute("SELECT count(*) FROM votes").fetchone() == (trial + 1,)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mysql://somewhere/votes", "mysql is no database for votes"),
        ("sqlite:///votes.db", "sqlite is no database for votes"),
        ("nonsense", "no address of a database"),
        ("postgresql://host:port/name", "no address of a database"),
    ],
)
def test_addresses_of_other_databases_are_refused(folder, address, words):
    with pytest.raises(RequestError, match=words):
        open_store(folder, address)


def test_a_database_that_does_not_answer_is_told_without_its_password(folder):
    with pytest.raises(StoreError) as error:
        open_store(folder, "postgresql://somebody:secret@127.0.0.1:1/votes?connect_timeout=2")
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(1, 5), st.integers(0, 2)), max_size=25))
def test_any_answers_are_kept_as_a_plain_list_would(tmp_path_factory, said):
    folder = tmp_path_factory.mktemp("any") / "study"
    make_study(folder, pictures=2)
    expected, counts = {}, {}
    with closing(open_store(folder)) as store:
        raters = [rater_of(store) for _ in range(3)]
        for who, trial, level, revision in said:
            key = (raters[who], trial)
            try:
                say(store, raters[who], trial, level, revision=revision)
                assert revision == counts.get(key, 0)
                expected[key] = level
                counts[key] = revision + 1
            except AnsweredError:
                assert revision != counts.get(key, 0)
        votes = store.votes(read_study(folder))
        assert {(vote.rater, vote.trial): vote.level for vote in votes} == expected
        assert len(votes) == len(expected)
        assert len(store.history()) == sum(counts.values())
