"""The small company of an upgrade fixture: a little of everything that users keep, made by the commands they type."""

from __future__ import annotations

import csv
import json
import random
from contextlib import redirect_stdout
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from crmcore import app as app_module

ACTOR = "boss"
PLUGINS = ("trade_ledger", "abc_analysis")
NOW = datetime(2026, 3, 20, 1, 0, tzinfo=UTC)
"""When users look at it; the company itself is made in the weeks before."""
_TODAY = date(2026, 3, 15)
_MOST = 4
"""Customers of each region that are taken from the demo, beside all natural persons."""


class Clock:
    """A clock that every command finds a minute later."""

    def __init__(self, now: datetime) -> None:
        """Start at a moment."""
        self.now = now

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.now


def set_clock(clock: Any) -> None:
    """Have every app that the command line opens go by this clock."""
    app_module.create_app.__kwdefaults__["clock"] = clock  # type: ignore[index]


def crm(folder: Path, *words: str, actor: str = ACTOR) -> str:
    """Run a command in the company; returns what it prints, and stops where it fails."""
    from crmcore.cli.main import main

    with redirect_stdout(StringIO()) as output:
        code = main(["-C", str(folder), "--actor", actor, "--lang", "en", *words], exit_process=False)
    if code:
        raise SystemExit(f"crm {' '.join(words)} ended with {code}")
    return output.getvalue()


def make_company(folder: Path, url: str) -> None:
    """Make the company in a new folder, on the database of the URL."""
    clock = Clock(NOW - timedelta(days=5))
    set_clock(clock)

    def run(*words: str, actor: str = ACTOR) -> str:
        clock.now += timedelta(minutes=1)
        return crm(folder, *words, actor=actor)

    run("init", str(folder), "--database", url)
    _settle(folder)
    run("plugins", "enable", *PLUGINS)
    codes = _import_files(folder, run)
    _staff(run)
    _records(folder, run, codes)
    _grades(run, codes)
    _export(folder, run)
    run("jobs", "run", "seal_log")


def _settle(folder: Path) -> None:
    """Write settings and comments of a company's own into crm.toml."""
    path = folder / "crm.toml"
    text = path.read_text(encoding="utf-8").replace(
        'name = ""', 'name = "升级样本商贸有限公司"  # who we are'
    )
    text += 'USD = "7.12"\n\n# How we class.\n[plugins.abc_analysis]\npreset = "increments"\n'
    text += '\n[roles]\nassistant = ["records.write", "records.export"]\n'
    path.write_text(text, encoding="utf-8")


def _import_files(folder: Path, run: Any) -> list[str]:
    """Generate the demo's files, keep a few customers' part of them, import it; returns the customers' codes."""
    app = app_module.create_app(folder)
    try:
        files = [f for f in app.host.registered("demo_data") if f.dataset == "distributor"]
    finally:
        app.close()
    from crmcore.builtin.demo.builder import _add_staff

    app = app_module.create_app(folder)
    _add_staff(app, ACTOR)
    app.close()
    place = folder / "incoming"
    place.mkdir()
    shared = {"today": _TODAY, "currency": "CNY", "cache": folder}
    kept: dict[str, set[str]] = {}
    for file in sorted(files, key=lambda f: (f.order, f.plugin, f.file_name)):
        path = place / file.file_name
        file.write(path, random.Random(f"1:{file.plugin}:{file.file_name}"), shared)  # noqa: S311
        _thin(path, kept)
        run("import", file.importable, str(path))
    return sorted(kept["客户"])


_KEYS = {"客户代号": "客户", "客户编码": "客户", "收款单号": "款", "退货单号": "款", "发票号": "票"}


def _thin(path: Path, kept: dict[str, set[str]]) -> None:
    """Drop the rows that speak of customers or documents that are not kept; remember what those that stay name."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if path.name == "customers.csv":
        kept["客户"] = {r["客户代号"] for r in rows if _wanted(r)}
    headers = list(rows[0])
    bound = [h for h in headers if h in _KEYS and (_KEYS[h] == "客户" or path.name == "allocations.csv")]
    rows = [r for r in rows if all(r[h] in kept[_KEYS[h]] for h in bound)]
    for row in rows:
        for header in headers:
            if header in _KEYS:
                kept.setdefault(_KEYS[header], set()).add(row[header])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, headers)
        writer.writeheader()
        writer.writerows(rows)


def _wanted(row: dict[str, str]) -> bool:
    small = int(row["客户代号"][2:]) <= _MOST and not row["上级客户编码"]
    return small or row["客户性质"] == "个人"


def _staff(run: Any) -> None:
    run("actor", "add", "yang", "--name", "杨助理", "--role", "assistant", "--reason", "joined us")
    run("actor", "add", "temp", "--name", "Temp", "--role", "reader")
    run("actor", "grant", "yang", "sales_representative", "--reason", "helps out")
    run("actor", "archive", "temp", "--reason", "left us")
    run("actor", "deputy", "yang", "--of", "hd01", "--from", "2026-03-10", "--until", "2026-04-10")


def _records(folder: Path, run: Any, codes: list[str]) -> None:
    """Change what was imported, as people do: with a history, an archive, a paper and follow-ups."""
    first, second, third = codes[:3]
    person = next(json.loads(line)["code"] for line in _lines(run("customer", "list", "--json"), "person"))
    run("customer", "edit", first, "--set", "region=华南", "--set", "phone=020-1234567", "--reason", "moved")
    run("customer", "edit", person, "--set", "phone=13800000000", "--reason", "new number")
    run("customer", "archive", third, "--reason", "closed")
    run("contact", "add", first, "--name", "钱七", "--mobile", "13900000001", "--role", "decides")
    moved = json.loads(run("contact", "list", "--json").splitlines()[0])["code"]
    run("contact", "edit", moved, "--phone", "021-7654321")
    run("interaction", "add", first, "--channel", "visit", "--subject", "报价", "--due", "2026-03-18")
    run("interaction", "add", second, "--channel", "phone", "--subject", "催款", "--due", "2026-03-19")
    made = json.loads(run("interaction", "list", "--json").splitlines()[0])["code"]
    run("interaction", "done", made)
    paper = folder / "incoming" / "contract.txt"
    paper.write_text("框架合同：一年。\n", encoding="utf-8")
    run("document", "add", first, str(paper), "--drawer", "contracts_orders", "--title", "框架合同")
    run("document", "add", person, str(paper), "--drawer", "basic", "--title", "身份证明", "--confidential")


def _lines(text: str, kind: str) -> list[str]:
    return [line for line in text.splitlines() if json.loads(line)["kind"] == kind]


def _grades(run: Any, codes: list[str]) -> None:
    """Class two years, and decide what people decide beside the runs."""
    for year in ("2024", "2025"):
        run("abc", "run", "--from", f"{year}-01-01", "--to", f"{year}-12-31")
    run("abc", "run", "--basis", "margin")
    run("abc", "set", codes[0], "A", "--reason", "a key account", "--until", "2026-12-31")
    run("abc", "potential", "set", codes[0], "500000", "--basis", "visit", "--on", "2026-03-01")
    run("abc", "policy", "set", "B", "visit_interval_days=21", "--reason", "closer", "--from", "2026-03-20")


def _export(folder: Path, run: Any) -> None:
    run("export", "customers", str(folder / "incoming" / "out.csv"))
