"""Tables: how teams, submissions and jobs lie in the database."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 1
"""Of these tables."""
metadata = MetaData()
about = Table(
    "challenge_about",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
)
teams = Table(
    "challenge_teams",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False),
    # The same name in other letters is the same team.
    Column("folded", String(200), nullable=False, unique=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("created", String(40), nullable=False),
    Column("approved", String(40)),
    Column("blocked", String(40)),
    sqlite_autoincrement=True,
)
submissions = Table(
    "challenge_submissions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("team", Integer, ForeignKey("challenge_teams.id"), nullable=False),
    Column("phase", String(40), nullable=False),
    Column("track", String(40), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("file", String(200), nullable=False),
    Column("file_name", String(200), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("sheet", Text, nullable=False),
    Column("request", String(64), nullable=False),
    Column("at", String(40), nullable=False),
    Column("day", String(10), nullable=False),
    Column("state", String(20), nullable=False),
    # Whether it counts against the team's limits.
    Column("spent", Boolean, nullable=False),
    Column("why", Text, nullable=False, default=""),
    Column("score", String(200)),
    UniqueConstraint("team", "request"),
    Index("challenge_submissions_of_team", "team", "phase"),
    sqlite_autoincrement=True,
)
jobs = Table(
    "challenge_jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("submission", Integer, ForeignKey("challenge_submissions.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("attempt", Integer, nullable=False, default=0),
    Column("worker", String(80), nullable=False, default=""),
    Column("host", String(200), nullable=False, default=""),
    # Seconds since 1970 by the database's users' clocks; compared with the same.
    Column("beat_s", Float, nullable=False, default=0.0),
    Column("stop", Boolean, nullable=False, default=False),
    Column("result", String(200)),
    Column("why", Text, nullable=False, default=""),
    UniqueConstraint("submission", "kind"),
    sqlite_autoincrement=True,
)
workers = Table(
    "challenge_workers",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("host", String(200), nullable=False),
    # When it last asked for work; while it works, its job's beat says more.
    Column("heard_s", Float, nullable=False),
)
events = Table(
    "challenge_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", String(40), nullable=False),
    Column("submission", Integer, ForeignKey("challenge_submissions.id")),
    Column("team", Integer, ForeignKey("challenge_teams.id")),
    Column("what", String(40), nullable=False),
    Column("text", Text, nullable=False, default=""),
    sqlite_autoincrement=True,
)
opened = Table(
    "challenge_opened",
    metadata,
    Column("phase", String(40), primary_key=True),
    Column("at", String(40), nullable=False),
)
