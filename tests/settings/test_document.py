"""The text of crm.toml: one value changes, every other byte stays."""

import difflib
import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.builtin.administration.settings.document import changed, toml
from crmcore.builtin.administration.settings.keys import (
    MISSING,
    join_key,
    known_paths,
    schema_at,
    split_key,
    value_at,
    with_value,
)
from crmcore.builtin.administration.settings.words import read_words
from crmcore.errors import CrmError

ROOT = Path(__file__).parents[2]
TEMPLATE = (ROOT / "crmcore" / "settings" / "new_crm.toml").read_bytes()

# -- hypothesis makes files as people write them -----------------------------------------------------------------

names = st.sampled_from(["preset", "days", "questions", "甲", "St. Gallen", "a-b"])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.one_of(
    texts, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
comments = st.sampled_from(["", "# why", "  # indented", "#", "# [plugins.abc]", "# preset = 1"])
spaces = st.sampled_from(["", " ", "  ", "\t"])


@st.composite
def pairs(draw):
    """Return the lines of a table: keys with odd blanks and comments of their own, each once."""
    lines = []
    for name in draw(st.lists(names, unique=True, max_size=3)):
        lines += draw(st.lists(comments, max_size=2))
        key, value = join_key((name,)) if name.isascii() else f'"{name}"', toml(draw(json_values))
        lines.append(
            f"{draw(spaces)}{key}{draw(spaces)}={draw(spaces)}{value} {draw(comments).strip()}".rstrip(" ")
        )
    return lines + draw(st.lists(comments, max_size=2))


@st.composite
def files(draw):
    lines = [*draw(st.lists(comments, max_size=2)), "[company]", *draw(pairs())]
    headers = ["[plugins]", "[plugins.abc]", "[plugins.other]", "[codes]", "[ plugins . 'x y' ] # odd"]
    for header in draw(st.permutations(headers))[: draw(st.integers(0, 5))]:
        lines += [header, *draw(pairs())]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    mark = draw(st.sampled_from([b"", "\ufeff".encode()]))
    return mark + end.join([*lines, ""]).encode()


paths = st.one_of(st.tuples(names), st.tuples(names, names))


def lines_of(content):
    return content.decode("utf-8-sig").split("\n")


def essence(content):
    """Return the lines without blank ones, blanks in inline tables and the headers of our tables."""
    lines = [line.replace(" }", "}").strip() for line in lines_of(content)]
    return [line for line in lines if line and not line.replace(" ", "").startswith("[plugins.abc")]


def read(content):
    return tomllib.loads(content.decode("utf-8-sig"))


@pytest.mark.slow
@settings(max_examples=150)
@given(files(), paths, json_values)
def test_to_set_a_value_touches_nothing_else(content, path, value):
    path = ("plugins", "abc", *path)
    before = read(content)
    if not all(
        isinstance(value_at(before, path[:n]), dict)
        for n in range(1, len(path))
        if value_at(before, path[:n]) is not MISSING
    ):
        return  # a key of something that is no table
    after = changed(content, path, value)
    assert read(after) == with_value(before, path, value)
    assert after[:3] == content[:3] or not content.startswith("\ufeff".encode())
    assert ("\r\n" in content.decode()) == ("\r\n" in after.decode())
    old, new = lines_of(content), lines_of(after)
    gone = [line[2:] for line in difflib.ndiff(old, new) if line.startswith("- ")]
    if value_at(before, path) is MISSING:
        assert gone in ([], ["[plugins.abc]"]) or "{" in "".join(gone), gone
    for line in gone:
        assert not line.strip().startswith("#")
    kept = [line.partition("#")[2] for line in old if line.rstrip().endswith("# why")]
    assert len(kept) == len([line for line in new if line.rstrip().endswith("# why")])


@pytest.mark.slow
@settings(max_examples=100)
@given(files(), paths, json_values)
def test_what_is_set_and_unset_again_leaves_the_file_as_it_was(content, path, value):
    path = ("plugins", "abc", *path)
    before = read(content)
    above = [value_at(before, path[:n]) for n in range(1, len(path))]
    if (
        any(part is not MISSING and not (isinstance(part, dict) and part) for part in above)
        or value_at(before, path) is not MISSING
    ):
        return
    once = changed(changed(content, path, value), path, MISSING)
    # At most a blank line stays that set the new table off, and its header where a comment follows.
    assert essence(once) == essence(content)
    assert len(changed(changed(once, path, value), path, MISSING)) <= len(once) + 1


LAYOUTS = {
    "nothing": "",
    "a comment": "# only this",
    "inline": "plugins = { abc = { preset = 'a' }, enabled = ['x'] }\n",
    "dotted": "plugins.enabled = ['x']\nplugins.abc.preset = 'a' # why\n",
    "out of order": "[plugins.abc]\nx = 1\n[company]\nname = 'n'\n[plugins]\nenabled = ['x']\n",
    "sub-table first": "[plugins.abc.questions]\nx = 1\n\n# of codes\n[codes]\n",
    "arrays of tables": "[[plugins.abc.days]]\na = 1\n\n[[plugins.abc.days]]\na = 2\n[company]\nname = 'n'\n",
    "many lines": "[plugins.abc]\ndays = [ # why\n  1,\n  2,\n]\ntext = '''\n# no comment\n[codes]\n'''\n[codes]\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_odd_layouts_are_changed_rightly_or_not_at_all(layout):
    content = LAYOUTS[layout].encode()
    for path, value in (
        (("preset",), "b"),
        (("questions", "gold"), 2),
        (("days",), [{"a": 1}, {"a": 3}]),
        (("text",), "#"),
        (("preset",), MISSING),
        (("questions",), MISSING),
        (("days",), MISSING),
    ):
        full = ("plugins", "abc", *path)
        try:
            after = changed(content, full, value)
        except CrmError as error:
            assert "changed by hand" in str(error)  # noqa: PT017  (whether it can is tomlkit's affair)
            continue
        assert value_at(read(after), full) == value
        for line in ("# why", "# of codes"):
            # The comment of a value that goes may go with it.
            assert (
                line not in LAYOUTS[layout] or line in after.decode() or value is MISSING or path == ("days",)
            )


def test_what_cannot_be_changed_is_told_with_what_to_write(monkeypatch):
    import tomlkit

    monkeypatch.setattr(tomlkit, "dumps", lambda _document: "broken = ")
    with pytest.raises(CrmError, match=r'by hand; write plugins\.abc\.preset = "b" there'):
        changed(b"", ("plugins", "abc", "preset"), "b")
    with pytest.raises(CrmError, match=r"by hand; remove plugins\.abc\.preset there"):
        changed(b"plugins.abc.preset = 1", ("plugins", "abc", "preset"), MISSING)


def test_a_new_table_stands_where_the_plugins_are_and_leaves_comments_with_what_they_explain():
    text = "[plugins]\nenabled = [] # none\n\n# How codes look.\n[codes]\n"
    after = changed(text.encode(), ("plugins", "abc", "preset"), "own").decode()
    assert after == (
        '[plugins]\nenabled = [] # none\n\n[plugins.abc]\npreset = "own"\n\n# How codes look.\n[codes]\n'
    )
    after = changed(after.encode(), ("plugins", "abc", "questions", "gold"), 2).decode()
    assert after.endswith(
        'preset = "own"\n\n[plugins.abc.questions]\ngold = 2\n\n# How codes look.\n[codes]\n'
    )


def test_null_cannot_be_written_and_unset_is_named():
    with pytest.raises(
        CrmError, match=r"null cannot be written in crm\.toml; to go back to the default use unset"
    ):
        changed(b"", ("plugins", "abc", "preset"), None)


# -- the schemas of the bundled plugins --------------------------------------------------------------------------

BUNDLED = sorted(
    [*ROOT.glob("plugins/*/src/*/settings.schema.json"), *ROOT.glob("crmcore/builtin/*/settings.schema.json")]
)


@pytest.mark.parametrize("file", BUNDLED, ids=[path.parent.name for path in BUNDLED])
def test_every_setting_of_the_bundled_plugins_makes_the_round_trip(file):
    schema = json.loads(file.read_text(encoding="utf-8"))
    for path in known_paths(schema, {}):
        node = schema_at(schema, path)
        for value in [*node.get("examples", []), node.get("default")]:
            if value is None:
                continue
            full = ("plugins", "abc", *path)
            for words in {value if isinstance(value, str) else json.dumps(value), toml(value)}:
                typed = read_words(words, node, "here")
                assert typed == value, (path, words)
                after = changed(TEMPLATE, full, typed)
                assert value_at(read(after), full) == value
                assert changed(after, full, MISSING) == TEMPLATE


# -- keys --------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5),
        min_size=1,
        max_size=3,
    )
)
def test_a_key_is_read_as_it_is_shown(parts):
    shown = join_key(tuple(parts))
    assert split_key(shown) == tuple(parts)


@given(st.text(max_size=20))
def test_no_typed_key_does_more_than_name_a_place(typed):
    assert all(isinstance(part, str) for part in split_key(typed))
