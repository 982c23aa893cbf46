"""The index is what the rows are, in the same transaction; and it can be made anew."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.builtin.search import folding, pinyin
from crmcore.builtin.search.finding import find
from crmcore.builtin.search.rebuilding import rebuild
from crmcore.entities.tables import Contact, ContactFirm
from crmcore.testing import ACTOR, CommandLine


def codes(app: App, text: str, **options: Any) -> list[str]:
    with app.read() as ctx:
        return [hit.code for hit in find(app, ctx, text, **options)]


def doctor(crm: CommandLine) -> tuple[bool, str]:
    checks = crm("doctor", "--json").json()["checks"]
    return next((c["ok"], c["detail"]) for c in checks if c["name"] == "search index")


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    return make_app(database=database)


def add(app: App, *rows: dict[str, Any]) -> list[int]:
    with app.write(ACTOR) as tx:
        return tx.insert(Customer, list(rows))


def test_a_row_is_found_as_soon_as_it_is_written_and_as_it_was_changed_last(app: App) -> None:
    (number,) = add(app, {"code": "A", "name": "曾记食品", "phone": "021-55550101"})
    assert codes(app, "曾记") == codes(app, "zengji") == codes(app, "+86 21 5555 0101", phone=True) == ["A"]
    with app.write(ACTOR) as tx:
        tx.update(Customer, [(number, {"name": "单氏五金", "phone": None})])
    assert codes(app, "曾记") == codes(app, "zengji") == codes(app, "+86 21 5555 0101", phone=True) == []
    assert codes(app, "shanshi") == ["A"]
    with app.write(ACTOR) as tx:
        tx.delete(Customer, [number])
    assert codes(app, "shanshi") == codes(app, "A") == []


def test_what_is_rolled_back_is_not_found(app: App) -> None:
    with pytest.raises(ZeroDivisionError), app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "A", "name": "曾记食品"}])
        raise ZeroDivisionError
    assert codes(app, "曾记") == []


def test_archived_customers_are_found_only_when_asked_for(app: App) -> None:
    (number,) = add(app, {"code": "A", "name": "曾记食品"})
    with app.write(ACTOR) as tx:
        tx.archive(Customer, [number])
    assert (codes(app, "曾记"), codes(app, "曾记", archived=True)) == ([], ["A"])
    with app.write(ACTOR) as tx:
        tx.restore(Customer, [number])
    assert codes(app, "曾记") == ["A"]


def test_a_contact_is_found_at_the_customers_where_he_is_today(app: App) -> None:
    one, other = add(app, {"code": "A", "name": "甲"}, {"code": "B", "name": "乙"})
    with app.write(ACTOR) as tx:
        (person,) = tx.insert(Contact, [{"code": "T", "name": "仇示", "mobile": "10000000001"}])
        (place,) = tx.insert(ContactFirm, [{"contact_id": person, "customer_id": one, "roles": []}])
    assert codes(app, "qiushi") == codes(app, "10000000001", phone=True) == ["A"]
    with app.write(ACTOR) as tx:
        tx.update(ContactFirm, [(place, {"until": tx.ctx.today.replace(year=2020)})])
        tx.insert(ContactFirm, [{"contact_id": person, "customer_id": other, "roles": []}])
    assert codes(app, "qiushi") == codes(app, "10000000001", phone=True) == ["B"]
    with app.read() as ctx:
        assert find(app, ctx, "仇示")[0]._asdict() == {
            "code": "B",
            "name": "乙",
            "why": "contact T name whole",
            "score": 87,
        }


def test_names_with_line_feeds_and_marks_do_not_shift_the_others(app: App) -> None:
    add(app, {"code": "A", "name": "甲\n¦乙"}, {"code": "B", "name": "丙丁"}, {"code": "C", "name": "¦"})
    assert codes(app, "甲乙") == ["A"]
    assert codes(app, "丙丁") == ["B"]
    assert codes(app, "C") == ["C"]


def test_emoji_and_other_signs_in_names_are_found(app: App, crm: CommandLine) -> None:
    add(
        app,
        *({"code": f"W{n:03}", "name": f"老王{n}号"} for n in range(150)),
        {"code": "N", "name": "老王🍜面馆", "short_name": "老王面"},
        {"code": "S", "name": "示例食品", "short_name": "★🍜"},
        {"code": "F", "name": "Bistro 🇨🇳"},
        {"code": "K", "name": "a🆗店", "short_name": "示例®"},
    )
    assert codes(app, "🍜") == ["N", "S"]
    assert codes(app, "★") == codes(app, "🍜★") == ["S"]
    assert codes(app, "🇨🇳") == ["F"]
    assert codes(app, "🆗") == codes(app, "®") == ["K"]
    assert codes(app, "🍲") == codes(app, "🍜", phone=True) == []
    assert codes(app, "老王🍜")[0] == codes(app, "老王🍜面馆")[0] == "N"
    assert codes(app, "老王面馆") == codes(app, "面馆") == ["N"]
    assert crm("find", "🍜").stdout.splitlines()[-1].startswith("S")
    assert doctor(crm)[0], doctor(crm)
    (person,) = [hit["code"] for hit in crm.lines("find", "bistro🇨🇳")]
    crm.ok("contact", "add", person, "--name", "小李🎉")
    assert codes(app, "🎉") == ["F"]
    crm.ok("customer", "edit", "N", "--name", "老王面馆")
    assert codes(app, "🍜") == ["S"]


def test_doctor_sees_rows_that_the_index_lacks_and_rebuild_mends_it(app: App, crm: CommandLine) -> None:
    assert doctor(crm) == (True, "empty")
    add(app, *({"code": f"C{n:04}", "name": f"示例{n}"} for n in range(300)))
    assert doctor(crm)[0], doctor(crm)
    with app.operations() as connection, app.unguarded(connection):
        connection.execute(sa.text("DELETE FROM search_index"))
    ok, detail = doctor(crm)
    assert not ok
    assert "run: crm search rebuild" in detail
    assert codes(app, "C0001") == []
    done = crm.json("search", "rebuild")
    assert done == {
        "rows": 300,
        "tables": ["contact", "customer", "customer_merge"],
        "version": 2,
        "pinyin": True,
        "traditional": True,
    }
    assert doctor(crm)[0]
    assert codes(app, "C0001") == ["C0001"]


def test_doctor_sees_what_the_index_has_and_no_row(app: App, crm: CommandLine) -> None:
    numbers = add(app, *({"code": f"C{n:04}", "name": f"示例{n}"} for n in range(20)))
    with app.operations() as connection, app.unguarded(connection):
        connection.execute(sa.text("DELETE FROM customer WHERE id = :id"), {"id": numbers[-1]})
    ok, detail = doctor(crm)
    assert not ok
    assert f"customer {numbers[-1]}" in detail
    rebuild(app, ACTOR)
    assert doctor(crm)[0]


@pytest.mark.parametrize("more", [1, 200])
def test_what_the_index_has_too_much_hinders_no_write(app: App, more: int) -> None:
    (number,) = add(app, {"code": "A", "name": "曾记"})
    with app.operations() as connection, app.unguarded(connection):
        connection.execute(sa.text("DELETE FROM customer"))
        if connection.dialect.name == "sqlite":
            connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'customer'"))
        else:
            connection.execute(sa.text("SELECT setval(pg_get_serial_sequence('customer', 'id'), 1, false)"))
    assert codes(app, "曾记") == []
    others = [{"code": f"C{n:03}", "name": f"示例{n}"} for n in range(more)]
    again = add(app, {"code": "B", "name": "单氏"}, *others)
    assert again[0] == number
    assert codes(app, "单氏") == ["B"]
    assert codes(app, "曾记") == []
    assert len(codes(app, "示例", limit=more)) == more


def test_rebuilding_in_many_chunks_keeps_everything(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmcore.builtin.search.rebuilding.CHUNK", 7)
    add(app, *({"code": f"C{n:04}", "name": f"示例{n}"} for n in range(21)))
    assert rebuild(app, ACTOR)["rows"] == 21
    assert len(codes(app, "示例", limit=50)) == 21


def words_of(app: App, numbers: list[int]) -> list[set[str]]:
    """Return the words that the index holds of customers."""
    sqlite = app.engine.dialect.name == "sqlite"
    terms = "terms" if sqlite else "array_to_string(tsvector_to_array(terms), ' ')"
    column = "rowid" if sqlite else "doc"
    with app.read() as ctx:
        query = sa.text(f"SELECT {terms} FROM search_index WHERE {column} = :number")  # noqa: S608
        return [set(ctx.connection.scalars(query, {"number": number}).one().split()) for number in numbers]


def pairs(*names: str) -> set[str]:
    """Return every two neighbouring characters of names, their edges among them."""
    return {a + b for name in names for a, b in zip(f"¦{name}", f"{name}¦", strict=True)}


ODD = (
    {"name": "曾记食品有限公司", "short_name": "曾记", "phone": "021-55550101", "tax_id": "91A"},
    {"name": "重庆单氏¦\n(集团)", "short_name": "單氏", "phone": "+86 21 5555 0101转7/021-5555 0102"},
    {"name": "Ä-Firma 𠮷野家", "short_name": None, "phone": None, "tax_id": "9 1-b"},
    {"name": "x", "short_name": "乐乐", "phone": "12", "tax_id": "Z" * 32},
    {"name": "（）", "short_name": "¦", "phone": "13800000000", "tax_id": "91甲"},
)


def test_rows_written_together_one_by_one_and_changed_have_the_same_words(app: App) -> None:
    rows = [{"tax_id": None, **row} for _time in range(30) for row in ODD]
    together = add(app, *({"code": f"A{i:04}", **row} for i, row in enumerate(rows)))
    single = [add(app, {"code": f"B{i:04}", **row})[0] for i, row in enumerate(rows[:5])]
    changed = add(app, *({"code": f"C{i:04}", "name": "甲"} for i in range(5)))
    with app.write(ACTOR) as tx:
        tx.update(Customer, list(zip(changed, rows[:5], strict=True)))
    found = [
        [{word for word in words if word[:2] not in {"§a", "§b", "§c"}} for words in words_of(app, numbers)]
        for numbers in (together[:5], together[-5:], single, changed)
    ]
    assert found[0] == found[1] == found[2] == found[3]
    first, second, third, fourth, fifth = found[0]
    assert first >= {"§91a", "§2155550101", "¶1010555512"} | pairs("曾记食品有限公司", "zjsp")
    assert first >= {"ceng0", "zeng0", "ji0", "shi0", "pin0", "cj"} | {"¦曾", "记¦"}
    assert second >= pairs("重庆单氏集团") | {
        "chong0",
        "zhong0",
        "dan0",
        "shan0",
        "§2155550101",
        "¶2010555512",
    }
    assert third >= pairs("afirma𠮷野家") | {"§91b"}
    assert not any("¶" in word for word in third | fourth)
    assert fourth >= pairs("x", "乐乐") | {"§" + "z" * 32, "yl", "ly", "yy", "ll"}
    assert fifth >= {"§91甲", "§13800000000", "¶00000000831"}


def blocks(app: App) -> bytes:
    """Return what the files of the index hold, without the rows themselves."""
    with app.read() as ctx:
        return b"".join(ctx.connection.scalars(sa.text("SELECT block FROM search_index_data")))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_rebuilding_leaves_no_trace_of_deleted_words(app: App) -> None:
    numbers = add(app, {"code": "erasedperson", "name": "曾记"}, {"code": "kept", "name": "单氏"})
    with app.write(ACTOR) as tx:
        tx.delete(Customer, numbers[:1])
    assert codes(app, "erasedperson") == []
    assert b"erasedperson" in blocks(app)
    rebuild(app, ACTOR)
    assert b"erasedperson" not in blocks(app)
    assert codes(app, "kept") == ["kept"]


WRITING = """
import sys
from crmcore.api import Customer
from crmcore.testing import ACTOR, open_workspace

app = open_workspace(sys.argv[1])
for number in range(60):
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"N{number:03}", "name": f"新来{number}"}])
print("written")
"""


@pytest.mark.slow
def test_rebuilding_while_others_write_loses_nobody(
    app: App, python: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, crm: CommandLine
) -> None:
    monkeypatch.setattr("crmcore.builtin.search.rebuilding.CHUNK", 10)
    add(app, *({"code": f"C{n:04}", "name": f"示例{n}"} for n in range(40)))
    ended: list[Any] = []
    writer = threading.Thread(target=lambda: ended.append(python(WRITING, str(app.config.folder))))
    writer.start()
    while writer.is_alive():
        rebuild(app, ACTOR)
    writer.join()
    assert ended[0].stdout == "written\n", ended[0].stderr
    assert len(codes(app, "新来", limit=100)) == 60
    assert len(codes(app, "示例", limit=100)) == 40
    assert doctor(crm)[0]


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Have crmcore[search] installed or not."""
    real = importlib.util.find_spec

    def forget() -> None:
        for module in (folding, pinyin):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()

    def there(state: str) -> None:
        def find_spec(name: str, *more: Any) -> Any:
            return None if state == "missing" and name in {"pypinyin", "opencc"} else real(name, *more)

        monkeypatch.setattr(folding, "find_spec", find_spec)
        monkeypatch.setattr(pinyin, "find_spec", find_spec)
        forget()

    yield there
    monkeypatch.undo()
    forget()


def test_without_the_libraries_all_but_pinyin_and_traditional_is_found(
    app: App, crm: CommandLine, libraries: Callable[[str], None]
) -> None:
    libraries("missing")
    add(
        app,
        {"code": "A", "name": "曾记食品", "phone": "021-55550101", "tax_id": "91X"},
        {"code": "B", "name": "TCL"},
    )
    for text in ("A", "曾记", "记食", "02155550101", "91x", "曾"):
        assert codes(app, text) == ["A"], text
    assert codes(app, "tc") == ["B"]
    assert codes(app, "zengji") == codes(app, "曾記") == []
    assert "pip install 'crmcore[search]'" in crm("find", "zengji").stderr
    assert "pip install 'crmcore[search]'" in crm("find", "曾記").stderr
    assert crm("find", "曾记").stderr == ""
    assert doctor(crm) == (True, "2 rows looked at agree; no pinyin, traditional apart from simplified")
    libraries("there")
    ok, detail = doctor(crm)
    assert (ok, "crm search rebuild" in detail) == (False, True)
    crm.ok("search", "rebuild")
    assert doctor(crm)[0]
    assert codes(app, "zengji") == codes(app, "曾記") == ["A"]


def test_a_program_without_the_libraries_says_once_that_it_writes_less(
    app: App, crm: CommandLine, reopen: Callable[..., App], libraries: Callable[[str], None]
) -> None:
    add(app, {"code": "A", "name": "曾记"})
    libraries("missing")
    other = reopen(app)
    add(other, {"code": "B", "name": "曾氏"})
    add(other, {"code": "C", "name": "曾家"})
    assert len([w for w in other.warnings if "crm search rebuild" in w]) == 1
    libraries("there")
    assert codes(app, "曾") == ["A", "B", "C"]
    assert not doctor(crm)[0]
    crm.ok("search", "rebuild")
    assert doctor(crm)[0]
    assert codes(app, "zeng") == ["A", "B", "C"]
