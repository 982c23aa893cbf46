"""The gate can be made to fail at every moment, and nothing is half done afterwards."""

import pytest
import sqlalchemy as sa

from crmcore.api import CrmError, Customer
from crmcore.testing import ACTOR

MOMENTS = ["insert", "update", "delete", "log", "commit"]


def work(app, number):
    """Do a little of everything in one transaction."""
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "N1", "name": "new"}, {"code": "N2", "name": "new"}])
        tx.update(Customer, [(number, {"phone": "1"})])
        tx.archive(Customer, [number])
        (passing,) = tx.insert(Customer, [{"code": "N3", "name": "passing"}])
        tx.delete(Customer, [passing])


def state(app):
    with app.read() as ctx:
        customers = ctx.connection.execute(
            sa.text("SELECT code, phone, archived_at FROM customer ORDER BY id")
        )
        changes = ctx.connection.execute(sa.text("SELECT count(*) FROM change_log"))
        return [tuple(row) for row in customers], changes.scalar_one()


@pytest.fixture
def company(make_app, database):
    app = make_app(database=database)
    with app.write(ACTOR) as tx:
        (number,) = tx.insert(Customer, [{"code": "A1", "name": "A"}])
    return app, number


def test_a_failure_at_any_moment_leaves_nothing_behind(company, gate_faults):
    app, number = company
    before = state(app)
    with gate_faults.counted() as moments, pytest.raises(ZeroDivisionError), app.write(ACTOR) as tx:
        tx.update(Customer, [(number, {"phone": "1"})])
        _ = 1 / 0
    assert moments == {"update": 1, "log": 1}
    with gate_faults.counted() as moments, gate_faults.fail("commit"), pytest.raises(RuntimeError):
        work(app, number)
    assert moments == {"insert": 2, "update": 2, "delete": 1, "log": 5, "commit": 1}
    for moment, times in moments.items():
        for n in range(1, times + 1):
            with (
                pytest.raises(RuntimeError, match=f"{moment} number {n} was made to fail"),
                gate_faults.fail(moment, n),
            ):
                work(app, number)
            assert state(app) == before
    work(app, number)
    assert state(app) != before, "a fault lasts as long as its block"


def test_the_exception_is_the_one_that_was_asked_for(company, gate_faults):
    app, number = company
    with (
        pytest.raises(KeyboardInterrupt, match="Ctrl-C"),
        gate_faults.fail("log", 2, KeyboardInterrupt("Ctrl-C")),
    ):
        work(app, number)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_full_disk_is_one_sentence_and_no_half_work(company, gate_faults, moment):
    app, number = company
    before = state(app)
    with gate_faults.disk_full(moment), pytest.raises(CrmError, match=r"full|space"):
        work(app, number)
    assert state(app) == before
    work(app, number)


def test_a_fault_reaches_the_user_of_a_command_as_one_sentence(make_app, crm, gate_faults):
    make_app()
    with gate_faults.disk_full("log"):
        result = crm("customer", "add", "--name", "A", "--code", "A1")
    assert result.exit_code == 1
    assert result.stderr.startswith("crm: ")
    assert result.stderr.count("\n") == 1
    assert crm("customer", "show", "A1").exit_code == 1


def crash(folder, moment):
    from crmcore.api import Customer
    from crmcore.testing import ACTOR, GateFaults, open_workspace

    app = open_workspace(folder)
    with GateFaults().kill(moment), app.write(ACTOR) as tx:
        (number,) = tx.insert(Customer, [{"code": "B1", "name": "B"}])
        tx.update(Customer, [(number, {"phone": "1"})])
        tx.delete(Customer, [number])
    raise AssertionError("it survived")


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_process_that_is_killed_leaves_nothing_behind(company, run_in_process, reopen, moment):
    app, number = company
    before = state(app)
    app.close()
    assert run_in_process(crash, app.config.folder, moment).exit_code == -9
    again = reopen(app)
    assert state(again) == before
    work(again, number)


def test_the_tests_themselves_are_not_killed(gate_faults):
    with pytest.raises(RuntimeError, match="run_in_process"):
        gate_faults.kill("log")
