"""A small challenge, for the tests of its parts."""

from datetime import UTC, datetime, timedelta

from wideopen.challenge.plan import Phase, Plan, Track, write_plan
from wideopen.challenge.sheet import FactSheet
from wideopen.challenge.store import Upload, open_store

START = datetime(2031, 5, 1, 12, tzinfo=UTC)
SHEET = FactSheet("ours")
UPLOAD = Upload("uploads/1.zip", "ours.zip", 10, "0" * 64)


class Clock:
    """A clock that stands until it is told to go on."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now

    def go_on(self, **time):
        self.now += timedelta(**time)


def days(count):
    return (START + timedelta(days=count)).isoformat()


def plan_of(**others):
    phases = (
        Phase("validation", days(-1), days(10), "val", per_day=3, in_all=5),
        Phase("test", days(10), days(20), "test", takes=("pictures", "model"), board="hidden", sheet=True),
    )
    tracks = (Track("cpu", "Quality and speed on a CPU"), Track("gpu", "On a phone"))
    return Plan("Bokeh & more", "A small one.", phases, tracks, **({"sign_up": "open"} | others))


def store_in(folder, clock=None, database=None, **others):
    write_plan(plan_of(**others), folder)
    return open_store(folder, database, clock=clock or Clock())
