"""`crm find` and `crm search rebuild`, as people and programs see them."""

from __future__ import annotations

from crmcore.testing import CommandLine


def test_answers_are_lines_in_the_order_of_their_score(company: CommandLine, matches):
    company.ok("customer", "add", "--code", "C2", "--name", "新示例商贸")
    company.ok("customer", "add", "--code", "C3", "--name", "示例")
    hits = matches("search_hit", company.lines("find", "示例"))
    assert [(hit["code"], hit["why"]) for hit in hits] == [
        ("C3", "name whole"),
        ("C1", "name prefix"),
        ("C2", "name contained"),
    ]
    assert [hit["code"] for hit in company.lines("find", "示例", "--limit", 1)] == ["C3"]


def test_people_read_why_in_their_language(small: CommandLine):
    small.ok("contact", "add", "C1", "--code", "T1", "--name", "曾示", "--mobile", "10000000001")
    assert "Name: begins so" in small.ok("find", "示例").stdout
    assert "Contact T1, Name: pinyin of the whole" in small.ok("find", "zengshi").stdout
    assert "Contact T1, Mobile: exactly" in small.ok("find", "+86 10000000001", "--phone").stdout


def test_nothing_found_is_no_failure(small: CommandLine):
    found = small("find", "不存在")
    assert (found.exit_code, found.stdout) == (0, "Nothing was found for '不存在'.\n")
    assert small("find", "不存在", "--json").stdout == ""
    assert small("find", "").exit_code == 0
    assert small("find", "\x1b[31m\u202e").exit_code == 0
    assert "\x1b" not in small("find", "\x1b[31m").stdout


def test_wrong_options_are_usage(small: CommandLine):
    assert small("find").exit_code == 2
    assert small("find", "x", "--limit", 0).exit_code == 2
    assert small("find", "x", "--limit", 1001).exit_code == 2


def test_a_text_that_begins_with_a_dash_stands_behind_two(small: CommandLine):
    assert [hit["code"] for hit in small.ok("find", "--json", "--", "-示例-").lines()] == ["C1"]


def test_the_index_is_made_anew_by_who_may(company: CommandLine, matches):
    done = matches("search_rebuilt", company.json("search", "rebuild"))
    assert (done["rows"], done["pinyin"], done["traditional"]) == (1, True, True)
    assert company.ok("search", "rebuild").stdout == (
        "The search index holds 1 rows; pinyin, traditional as simplified.\n"
    )
    company.ok("actor", "add", "rep", "--role", "sales_representative")
    company.actor = "rep"
    refused = company("search", "rebuild")
    assert refused.exit_code == 1
    assert "may not migrate the database" in refused.stderr or "rep" in refused.stderr
    assert company.lines("find", "C1")


def test_without_plugins_everything_of_the_core_is_found_and_nothing_rebuilt(small: CommandLine):
    assert [hit["code"] for hit in small.lines("--no-plugins", "find", "示例")] == ["C1"]
    assert small("--no-plugins", "search", "rebuild").exit_code == 1
