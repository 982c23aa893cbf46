"""A person whose data may not be used: nothing of its credit is added, worked out or shown."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer, Refused, customer_ids
from crmcore.testing import ACTOR
from crmcore_credit_5c.assessing.assessing import assess_customer
from crmcore_credit_5c.assessing.batch import _assess_chunk

WORDS = ("--indicator", "reputation", "--value", "good", "--source", "bank")


@pytest.fixture
def app(make_app: Any, crm: Any) -> Any:
    app = make_app(["credit_5c"])
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": code, "name": code, "kind": "person"} for code in ("P1", "P2")])
    crm.ok("credit", "evidence", "add", "P1", *WORDS)
    crm.ok("credit", "assess", "P1")
    crm.ok("person", "restrict", "P1")
    return app


def counts(app: Any) -> list[int]:
    with app.read() as ctx:
        return [
            ctx.connection.scalar(sa.select(sa.func.count()).select_from(app.tables[name].table))
            for name in ("credit_evidence", "credit_assessment")
        ]


@pytest.mark.parametrize(
    "words",
    [
        ("evidence", "add", "P1", *WORDS),
        ("evidence", "list", "P1"),
        ("assess", "P1"),
        ("checklist", "P1"),
        ("explain", "P1"),
        ("history", "P1"),
    ],
    ids=" ".join,
)
def test_a_restricted_person_is_refused_in_one_sentence(app: Any, crm: Any, words: Any) -> None:
    for more in ((), ("--json",)):
        refused = crm("credit", *words, *more)
        assert (refused.exit_code, refused.stdout) == (1, "")
        sentence = "the data of P1 may not be used (restricted); see: crm person restrict"
        assert sentence in refused.stderr
    assert counts(app) == [1, 1]


def test_a_batch_passes_restricted_persons_over(app: Any, crm: Any) -> None:
    assert crm.json("credit", "batch", "--all", "--json")["assessed"] == 1
    with app.read() as ctx:
        number = customer_ids(ctx.connection, ["P1"])["P1"]
    assert _assess_chunk(app, ACTOR, "5c", [number]) == [], "restricted while the batch was under way"
    with pytest.raises(Refused):
        assess_customer(app, ACTOR, number)
    crm.ok("person", "unrestrict", "P1")
    assert crm.json("credit", "batch", "--all", "--json")["assessed"] == 2
