"""A company with everything that a copy must carry: every type of column, plugins enabled and not, an observer."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.app import App
from crmcore.testing import ACTOR


def _oracle() -> ModuleType:
    path = Path(__file__).with_name("oracle.py")
    spec = importlib.util.spec_from_file_location("databases_oracle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def contents() -> Any:
    """Return the function that reads a database with plain SQL."""
    return _oracle().contents


CLUB = """
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = "club_0001"
down_revision = None
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

def upgrade():
    op.create_table("club_level", sa.Column("code", sa.String(8), primary_key=True),
        sa.Column("rate", sa.Numeric(9, 4)), sa.Column("weight", sa.Double()), sa.Column("picture", sa.LargeBinary()))
    op.execute("INSERT INTO club_level (code, rate) VALUES ('gold', 1.5)")
    op.create_table("club_member", sa.Column("id", BIG, sa.Identity(), primary_key=True),
        sa.Column("customer_id", BIG, sa.ForeignKey("customer.id", name="fk_club_c"), nullable=False),
        sa.Column("invited_by", BIG, sa.ForeignKey("club_member.id", name="fk_club_m")),
        sa.Column("level", sa.String(8), sa.ForeignKey("club_level.code", name="fk_club_l")),
        sa.Column("name", sa.String(50)), sa.Column("opened_on", sa.Date()), sa.Column("rises_at", sa.Time()),
        sa.Column("seen_at", sa.DateTime(timezone=True)), sa.Column("local_at", sa.DateTime()),
        sa.Column("happy", sa.Boolean(), nullable=False), sa.Column("extras", JSON),
        sa.UniqueConstraint("customer_id", "name", name="uq_club_member"), sqlite_autoincrement=True)
    op.create_index("ix_club_member_name", "club_member", ["name"])
    op.create_table("club_pair", sa.Column("one", BIG, primary_key=True, autoincrement=False),
        sa.Column("two", sa.String(9), primary_key=True))
    op.create_table("club_note", sa.Column("text", sa.Text()), sa.Column("n", BIG))

def downgrade():
    for name in ("club_note", "club_pair", "club_member", "club_level"):
        op.drop_table(name)
"""
OBSERVER = """
from pathlib import Path
from crmcore.api import hookimpl

@hookimpl
def observe_changes(changes, ctx):
    with open(Path(ctx.workspace) / "seen.txt", "a", encoding="utf-8") as file:
        file.writelines(f"{change.seq}\\n" for change in changes)
"""
LIGHT = "from crmcore.api import hookimpl\n"
_JSONS = [
    {"b": [1, 2.5, 1e22], "a": "ü\U0001f600"},
    [],
    5,
    1.0,
    "text",
    None,
    True,
    {"zh": "中文", "n": 2**60},
]


@pytest.fixture
def club(install_plugin: Any) -> Any:
    """Install a plugin with tables of every type."""
    return install_plugin(
        "club", LIGHT, {"title": "Club", "table_prefix": "club"}, files={"migrations/0001_club.py": CLUB}
    )


@pytest.fixture
def observer(install_plugin: Any) -> Any:
    """Install a plugin that notes the places of the changes that it is told."""
    return install_plugin("watcher", OBSERVER, {"title": "Watcher"})


RichMaker = Callable[..., App]


@pytest.fixture
def rich(small_company: Any, club: Any, observer: Any) -> RichMaker:
    """Make the company on a kind of database; the plugin `club` is enabled, or disabled after it was used."""

    def make(database: str, *, club_enabled: bool = True) -> App:
        app: App = small_company(["club", "watcher"], database).app
        fill_club(app)
        store(app)
        if not club_enabled:
            from crmcore.builtin.lifecycle.uninstalling import keep

            keep(app, "club", ACTOR)
            club.forget()
        assert not club_enabled or app.database_plugins
        return app

    return make


def fill_club(app: App) -> None:
    """Write rows with every type of value, and take the newest away: its number is not given again."""
    names = ("club_level", "club_member", "club_pair", "club_note")
    with app.operations() as connection, app.unguarded(connection):
        drawn = sa.MetaData()
        drawn.reflect(connection, only=names)
        level, member, pair, note = (drawn.tables[name] for name in names)
        connection.execute(
            sa.insert(level),
            [
                {"code": "银", "rate": 1.25, "weight": 0.1, "picture": b"\x00\xff\n"},
                {"code": "b", "rate": -0.0001, "weight": -1e300, "picture": b""},
                {"code": "B", "rate": None, "weight": 3.0, "picture": None},
            ],
        )
        customers = list(connection.scalars(sa.text("SELECT id FROM customer ORDER BY id")))
        for n, value in enumerate(_JSONS):
            connection.execute(sa.insert(member), _member(n, customers[n], value))
        connection.execute(sa.insert(member), _member(99, customers[-1], None))
        connection.execute(sa.delete(member).where(member.c.name == "m99"))
        connection.execute(sa.update(member).where(member.c.name == "m0").values(invited_by=3))
        connection.execute(sa.insert(pair), [{"one": n % 3, "two": f"{n}é"} for n in range(6)])
        connection.execute(
            sa.insert(note), [{"text": t, "n": n} for n, t in ((1, "a\tb\\N\n"), (1, None), (None, ""))]
        )


def _member(n: int, customer: int, value: Any) -> dict[str, Any]:
    from datetime import UTC, date, datetime, time

    return {
        "customer_id": customer,
        "level": "gold" if n % 2 else None,
        "name": f"m{n}",
        "opened_on": date(1900 + n, 2, 28),
        "rises_at": time(6, n % 60, 0, n),
        "seen_at": datetime(2026, 3, 5, 8, 0, n % 60, n, tzinfo=UTC) if n % 2 else None,
        "local_at": datetime(2026, 3, 5, 8, 0, n % 60),  # noqa: DTZ001  (a time without a zone is what is tested)
        "happy": bool(n % 2),
        "extras": value,
    }


def store(app: App) -> None:
    """Put files beside the database."""
    for name in ("files/ab/cdef", "imports/7-rejects.csv", "imports/7.lock", "files/.new.x"):
        path = app.config.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


@pytest.fixture
def new_place(empty_postgres: Callable[[], str], tmp_path: Path) -> Callable[[str], str]:
    """Return the address of an empty database of a kind."""

    def make(kind: str) -> str:
        return empty_postgres() if kind == "postgres" else f"sqlite:///{tmp_path / 'copy.db'}"

    return make


def place_of(url: str, folder: Path) -> Path | str:
    """Return what the oracle reads: a path or an address."""
    return (folder / url.removeprefix("sqlite:///")).resolve() if url.startswith("sqlite") else url


@pytest.fixture
def placed() -> Callable[[str, Path], Path | str]:
    """Hand over `place_of`."""
    return place_of


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    sys.modules.pop("databases_oracle", None)
