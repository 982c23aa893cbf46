"""How much a command costs before it does anything: against the bare imports it cannot do without."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import best_of, crm, python, report

RUNS = 7


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = str(Path(folder) / "company")
        for words in (
            ("--actor", "bench", "init", workspace),
            ("-C", workspace, "--actor", "bench", "plugins", "enable", "trade_ledger", "abc_analysis"),
            ("-C", workspace, "--actor", "bench", "customer", "add", "--code", "C1", "--name", "示例"),
        ):
            subprocess.run([sys.executable, "-m", "crmcore", *words], check=True, stdout=subprocess.DEVNULL)
        click = best_of(RUNS, python("import click"))
        sqlmodel = best_of(RUNS, python("import sqlmodel"))
        help_ = best_of(RUNS, crm("-C", workspace, "--help"))
        show = best_of(RUNS, crm("-C", workspace, "--actor", "bench", "customer", "show", "C1"))
        lean = best_of(
            RUNS, crm("-C", workspace, "--no-plugins", "--actor", "bench", "customer", "show", "C1")
        )
    report("crm --help, against import click", help_.cpu, click.cpu, "limit 2.5")
    report("crm customer show, against import sqlmodel", lean.cpu, sqlmodel.cpu, "limit 1.5, no plugin")
    report("the same with trade_ledger and abc_analysis", show.cpu, sqlmodel.cpu, "limit 1.5")


if __name__ == "__main__":
    main()
