"""An erasure that is killed, or met by another process: nothing is half done that cannot be ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from crmcore.app import App
from crmcore.builtin.privacy.turns import alone
from crmcore.testing import CommandLine, ProcessRunner

from .conftest import fill, more_traces, places_with, secret_texts

STEPS = (
    "erasure_list.write",
    "files.take_out_rejected",
    "files.remove_documents",
    "asking.erased",
    "clear_pages",
)


def killed_at(folder: str, step: str) -> None:
    """Erase in a process that is killed as it begins a step of the real work, not of the rehearsal."""
    import os
    import signal

    from crmcore.builtin.privacy import erasing
    from crmcore.builtin.privacy.persons import by_code
    from crmcore.testing.workspaces import open_workspace

    app = open_workspace(folder)
    module, _dot, name = step.rpartition(".")
    place = getattr(erasing, module) if module else erasing
    real = getattr(place, name)

    def kill(*arguments: object) -> object:
        if not erasing.unfinished(app):
            return real(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    setattr(place, name, kill)
    with app.read() as ctx:
        persons = [by_code(ctx.connection, code) for code in ("P1", "C1")]
    erasing.erase(app, "tester", persons, "asked")


def test_an_erasure_killed_at_any_step_is_named_and_can_be_ended(
    people: App, crm: CommandLine, python: ProcessRunner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    step = "asking.erased"
    _kill_and_end(people, crm, python, step)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_every_step_can_be_the_last(
    make_app: Callable[..., App],
    crm: CommandLine,
    python: ProcessRunner,
    step: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    app = fill(make_app())
    more_traces(app, crm, tmp_path_factory.mktemp("traces"))
    _kill_and_end(app, crm, python, step)


def _kill_and_end(app: App, crm: CommandLine, python: ProcessRunner, step: str) -> None:
    done = python(killed_at, app.config.folder, step)
    assert done.exit_code == -9, done.stderr
    with app.read() as ctx:
        theirs = "SELECT key FROM person_key AS k JOIN person_erasure AS e"
        theirs += " ON e.entity = k.entity AND e.entity_id = k.entity_id"
        keys = ctx.connection.scalars(sa.text(theirs)).all()
    assert keys == [None] * 3, "the keys go first"
    (check,) = [c for c in crm("doctor", "--json").json()["checks"] if c["name"] == "erasures"]
    assert not check["ok"]
    assert "interrupted" in check["detail"]
    assert "crm privacy go-on" in check["detail"]
    crm.ok("privacy", "go-on")
    assert places_with(app, secret_texts()) == []
    assert crm("doctor").exit_code == 0
    assert crm.ok("privacy", "go-on").stdout == "Nothing is left to be done.\n"
    assert crm.ok("audit", "verify").exit_code == 0


def test_the_same_command_ends_what_was_interrupted(
    people: App, crm: CommandLine, python: ProcessRunner
) -> None:
    assert python(killed_at, people.config.folder, "clear_pages").exit_code == -9
    done = crm.json("person", "erase", "P1", "--yes")
    assert {person["code"] for person in done["persons"]} == {"P1", "P2", "C1"}
    assert places_with(people, secret_texts()) == []


def test_a_second_process_is_told_to_wait(people: App, crm: CommandLine) -> None:
    with alone(people):
        refused = crm("person", "erase", "P1", "--reason", "asked", "--yes")
        assert (refused.exit_code, refused.stderr) == (
            1,
            "crm: another process is erasing a person; try again when it has ended\n",
        )
    crm.ok("person", "erase", "P1", "--reason", "asked", "--yes")


def test_a_reader_who_holds_the_file_back_is_named_and_nothing_is_called_done(
    make_app: Callable[..., App], crm: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmcore.db.engine.BUSY_SECONDS", 1)
    app = fill(make_app())
    with app.read() as ctx:
        ctx.connection.execute(sa.text("SELECT count(*) FROM contact")).all()
        refused = crm("person", "erase", "P1", "C1", "--reason", "asked", "--yes")
        assert refused.exit_code == 1
        assert "other processes read the database" in refused.stderr
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM person_erasure")) == 0, "its own moment"
    assert [line["state"] for line in crm.lines("privacy", "erasures")] == ["pages"] * 3
    crm.ok("privacy", "go-on")
    assert places_with(app, secret_texts()) == []
