"""`crm actor …`: roles, deputies, and the last administrator."""

from __future__ import annotations

from crmcore.testing import ACTOR, CommandLine


def test_add_grant_and_revoke(company: CommandLine, matches):
    added = matches("actor", company.json("actor", "add", "rep1", "--name", "甲", "--role", "reader"))
    assert (added["kind"], added["roles"]) == ("human", ["reader"])
    granted = matches("actor", company.json("actor", "grant", "rep1", "sales_representative"))
    assert granted["roles"] == ["reader", "sales_representative"]
    assert company.json("actor", "revoke", "rep1", "reader")["roles"] == ["sales_representative"]
    assert company.json("actor", "add", "night", "--kind", "job")["name"] == "night"
    assert [a["code"] for a in matches("actor", company.lines("actor", "list"))] == ["night", "rep1", ACTOR]


def test_a_role_of_the_company_can_be_granted(make_app, crm: CommandLine):
    make_app(settings='[roles]\ntrainee = ["records.write"]\n')
    assert crm.json("actor", "add", "rep1", "--role", "trainee")["roles"] == ["trainee"]
    result = crm("actor", "grant", "rep1", "emperor")
    assert result.exit_code == 1
    assert "trainee" in result.stderr


def test_the_last_administrator_stays(company: CommandLine):
    for words in (("revoke", ACTOR, "administrator"), ("archive", ACTOR)):
        result = company("actor", *words)
        assert result.exit_code == 1
        assert "last administrator" in result.stderr
    company.ok("actor", "add", "boss", "--role", "administrator")
    company.ok("actor", "revoke", ACTOR, "administrator")
    assert company("actor", "add", "x").exit_code == 1
    assert company("actor", "archive", "boss", "--actor", "boss").exit_code == 1


def test_only_who_manages_actors_may_change_them(small: CommandLine):
    small.ok("actor", "add", "rep1", "--role", "sales_manager")
    for words in (("add", "x"), ("grant", "rep1", "administrator"), ("archive", ACTOR)):
        result = small("actor", *words, "--actor", "rep1")
        assert result.exit_code == 1
        assert "rep1" in result.stderr
    assert small("customer", "add", "--name", "x", "--actor", "nobody").exit_code == 1


def test_an_archived_actor_may_not_act(small: CommandLine, matches):
    small.ok("actor", "add", "rep1", "--role", "administrator")
    assert matches("actor", small.json("actor", "archive", "rep1"))["archived"] is True
    assert small("customer", "add", "--name", "x", "--actor", "rep1").exit_code == 1
    assert [a["code"] for a in small.lines("actor", "list")] == [ACTOR]
    assert len(small.lines("actor", "list", "--archived")) == 2
    small.ok("actor", "archive", "rep1", "--undo")
    small.ok("customer", "add", "--name", "x", "--actor", "rep1")


def test_a_deputy_sees_the_work_of_who_is_away(company: CommandLine, matches):
    company.ok("actor", "add", "rep1", "--role", "sales_representative")
    company.ok("interaction", "add", "C1", "--channel", "phone", "--subject", "x", "--due", "2020-01-01")
    assert company.lines("work", "--actor", "rep1") == []
    deputy = matches(
        "actor",
        company.json(
            "actor", "deputy", "rep1", "--of", ACTOR, "--from", "2020-01-01", "--until", "2199-12-31"
        ),
    )
    assert deputy["deputy_of"] == [{"actor": ACTOR, "since": "2020-01-01", "until": "2199-12-31"}]
    assert matches("actor", company.json("actor", "show", ACTOR))["deputies"][0]["actor"] == "rep1"
    assert len(company.lines("work", "--actor", "rep1")) == 1


def test_nobody_becomes_a_deputy_who_is_not_as_they_were_seen(small: CommandLine):
    small.ok("actor", "add", "rep1")
    deputy = ("actor", "deputy", "rep1", "--of", ACTOR, "--from", "2026-01-01", "--until", "2026-02-01")
    small.ok(*deputy, "--expect-version", "1")
    small.ok("actor", "grant", "rep1", "reader")
    stale = small("actor", "deputy", "rep1", *deputy[3:6], "2026-03-01", *deputy[7:8], "2026-04-01",
                  "--expect-version", "1")  # fmt: skip
    assert stale.exit_code == 1
    assert stale.stderr == (
        "crm: actor rep1 was changed since you read it (version 2, you saw 1); read it again\n"
    )
    assert len(small.json("actor", "show", "rep1")["deputy_of"]) == 1


def test_deputies_do_not_raise_the_version_of_an_actor_and_the_help_says_so(small: CommandLine):
    small.ok("actor", "add", "rep1")
    for start, end in (("2026-01-01", "2026-02-01"), ("2026-03-01", "2026-04-01")):
        small.ok("actor", "deputy", "rep1", "--of", ACTOR, "--from", start, "--until", end,
                 "--expect-version", "1")  # fmt: skip
    shown = small.json("actor", "show", "rep1")
    assert (len(shown["deputy_of"]), shown["version"]) == (2, 1)
    told = " ".join(small.ok("actor", "deputy", "--help").stdout.split())
    assert "places and deputies do not raise it" in told


def test_deputies_that_make_no_sense_are_refused(small: CommandLine):
    small.ok("actor", "add", "rep1")
    days = ("--from", "2026-02-01", "--until", "2026-01-01")
    assert small("actor", "deputy", "rep1", "--of", ACTOR, *days).exit_code == 1
    days = ("--from", "2026-01-01", "--until", "2026-02-01")
    assert small("actor", "deputy", "rep1", "--of", "rep1", *days).exit_code == 1
    assert small("actor", "deputy", "rep1", "--of", "nobody", *days).exit_code == 1
    assert small("actor", "add", "rep1").exit_code == 1
