"""Any file over any company, undone at once, leaves all tracked tables as they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.api import App
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.builtin.exchange.services import run_import
from crmcore.builtin.exchange.understanding import Options, find_importable, understand
from crmcore.builtin.exchange.undo import undo_import
from crmcore.testing import ACTOR

Make = Callable[..., App]
code = st.sampled_from(["K1", "K2", "K3", "K4", "K5"])
maybe = st.sampled_from(["", "", "a", "b", "c", "长一点"])
CUSTOMERS = ("code", "name", "kind", "phone", "contact", "mobile", "address", "parent")
customer = st.tuples(
    code,
    st.sampled_from(["甲", "乙", "丙"]),
    st.sampled_from(["", "person", "organisation"]),
    maybe,
    st.sampled_from(["", "示例甲", "示例乙"]),
    st.sampled_from(["", "13000000001", "13000000002"]),
    maybe,
    st.one_of(st.just(""), code),
)
CONTACTS = ("code", "name", "customer", "phone", "roles", "notes")
contact = st.tuples(
    st.sampled_from(["", "C1", "C2"]),
    st.sampled_from(["示例甲", "示例乙", "示例丙"]),
    code,
    maybe,
    st.sampled_from(["", "decides", "decides,uses"]),
    maybe,
)
INTERACTIONS = ("code", "customer", "channel", "subject", "at", "notes")
interaction = st.tuples(
    st.sampled_from(["", "I1", "I2"]),
    code,
    st.sampled_from(["phone", "visit"]),
    st.sampled_from(["one", "two"]),
    st.sampled_from(["2026-03-01", "2026-03-02"]),
    maybe,
)
PURCHASES = ("customer", "date", "amount", "document", "line", "product")
purchase = st.tuples(
    code,
    st.just("2026-01-05"),
    st.sampled_from(["10", "20", "-5", "7.5"]),
    st.sampled_from(["R1", "R2", ""]),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["", "X", "Y"]),
)
ENTITIES = {
    "customers": (CUSTOMERS, customer),
    "contacts": (CONTACTS, contact),
    "interactions": (INTERACTIONS, interaction),
    "purchases": (PURCHASES, purchase),
}
file = st.sampled_from(sorted(ENTITIES)).flatmap(
    lambda entity: st.tuples(
        st.just(entity),
        st.lists(ENTITIES[entity][1], min_size=1, max_size=8),
        st.booleans(),
    )
)


def take(app: App, folder: Path, entity: str, rows: list[tuple[str, ...]], *, clear: bool) -> int | None:
    """Import rows; those that cannot be taken are left out, and a file of which none can makes no import."""
    path = folder / f"{entity}.csv"
    path.write_text("\n".join(",".join(r) for r in [ENTITIES[entity][0], *rows]) + "\n", encoding="utf-8")
    options = Options(create_customers=True, clear_empty=clear)
    what = understand(app, find_importable(app, entity), path, ColumnMapping(), options)
    try:
        return int(run_import(app, ACTOR, what)["import"])
    finally:
        what.table.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(before=st.lists(file, max_size=4), last=file, chunk=st.sampled_from([1, 3, 5_000]))
def test_any_import_undone_at_once_leaves_no_trace_in_the_tables(
    company: App, contents, monkeypatch: pytest.MonkeyPatch, before, last, chunk: int
):
    monkeypatch.setattr("crmcore.builtin.exchange.engine.CHUNK_ROWS", chunk)
    folder = Path(mkdtemp(dir=company.config.folder))
    for entity, rows, clear in before:
        take(company, folder, entity, rows, clear=clear)
    known = contents(company)
    number = take(company, folder, last[0], last[1], clear=last[2])
    if number is not None:
        assert undo_import(company, ACTOR, number)["conflicts"] == []
    assert contents(company) == known


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(files=st.lists(file, min_size=2, max_size=4))
def test_imports_undone_the_newest_first_leave_no_trace(company: App, contents, files):
    folder = Path(mkdtemp(dir=company.config.folder))
    known = contents(company)
    numbers = [take(company, folder, entity, rows, clear=clear) for entity, rows, clear in files]
    for number in reversed([number for number in numbers if number is not None]):
        assert undo_import(company, ACTOR, number)["conflicts"] == []
    assert contents(company) == known


@pytest.fixture
def company(make_app: Make, database: str) -> App:
    """Return an empty company, with the ledger."""
    pytest.importorskip("crmcore_trade_ledger")
    return make_app(["trade_ledger"], database)
