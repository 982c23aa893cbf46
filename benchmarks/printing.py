"""Customer cards as one PDF: `python -m benchmarks.printing [--cards N]`.

The rate is that of `crm report run customer_card` less the same command for one card. Peak memory is told for a fifth of
the cards, too: it must not grow with them.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.measuring import Measure, best_of, crm, run
from benchmarks.search import make_workspace, write_file


def make_company(folder: Path, cards: int) -> Path:
    """Make a company of so many customers."""
    workspace = folder / "company"
    make_workspace(workspace, None)
    write_file(folder / "customers.csv", cards)
    run(crm("-C", str(workspace), "--actor", "bench", "import", "customers", str(folder / "customers.csv")))
    return workspace


def printing(workspace: Path, name: str, *parameters: str) -> list[str]:
    """Return the command that prints cards into a file of this name."""
    words = [word for parameter in parameters for word in ("--param", parameter)]
    out = str(workspace.parent / name)
    run_report = ("report", "run", "customer_card", "--out", out, "--force")
    return crm("-C", str(workspace), "--actor", "bench", *run_report, *words)


def codes(workspace: Path, count: int) -> str:
    """Return the first codes, with commas between them."""
    import sqlite3

    with sqlite3.connect(workspace / "crm.db") as connection:
        rows = connection.execute("SELECT code FROM customer ORDER BY code LIMIT ?", (count,)).fetchall()
    connection.close()
    return ",".join(code for (code,) in rows)


def told(name: str, measured: Measure, first: Measure, cards: int, pages: int) -> None:
    """Print a line."""
    cpu = measured.cpu - first.cpu
    rate = (cards - 1) / cpu
    print(
        f"{name:<32} {cards:6,} cards {cpu:7.2f} s CPU {rate:7.0f} cards/s CPU {measured.peak_mb:6.0f} MB peak {pages:6} pages"
    )


def pages_of(path: Path) -> int:
    """Count the pages of a PDF."""
    from pypdf import PdfReader

    return len(PdfReader(path).pages)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cards", type=int, default=1_000)
    cards = parser.parse_args().cards
    with tempfile.TemporaryDirectory() as name:
        workspace = make_company(Path(name), cards)
        one = best_of(2, printing(workspace, "one.pdf", f"customer={codes(workspace, 1)}"))
        print(f"{'one card, the command itself':<32} {one.cpu:6.2f} s CPU {one.peak_mb:6.0f} MB peak")
        for count in (cards // 5, cards):
            measured = best_of(2, printing(workspace, "many.pdf", f"customer={codes(workspace, count)}"))
            told("crm report run customer_card", measured, one, count, pages_of(Path(name, "many.pdf")))
        labels = crm(
            "-C",
            str(workspace),
            "--actor",
            "bench",
            "report",
            "run",
            "address_labels",
            "--out",
            f"{name}/l.pdf",
            "--force",
        )
        measured = best_of(2, labels)
        print(f"{'address labels, 24 a sheet':<32} {measured.cpu:6.2f} s CPU {measured.peak_mb:6.0f} MB peak")


if __name__ == "__main__":
    main()
