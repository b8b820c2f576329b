"""Tables: how raters and votes lie in the database."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

VERSION = 1
"""Of these tables."""
metadata = MetaData()
about = Table(
    "about",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
)
raters = Table(
    "raters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(40), nullable=False, unique=True),
    Column("number", Integer, unique=True),
    Column("created", String(40), nullable=False),
    Column("consented", String(40)),
    Column("screen_width_px", Integer),
    Column("screen_height_px", Integer),
    Column("pixel_ratio", Float),
    Column("zoom", Float),
    Column("touch", Boolean),
    Column("trained", String(40)),
    Column("forgotten", String(40)),
    sqlite_autoincrement=True,
)
votes = Table(
    "votes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("rater", String(40), ForeignKey("raters.name"), nullable=False),
    Column("trial", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("shown_s", Float, nullable=False),
    Column("at", String(40), nullable=False),
    Column("request", String(40), nullable=False),
    Column("revision", Integer, nullable=False),
    UniqueConstraint("rater", "request"),
    UniqueConstraint("rater", "trial", "revision"),
    CheckConstraint("level BETWEEN 1 AND 5"),
    # Numbers are not used again, even where the last row is deleted.
    sqlite_autoincrement=True,
)
