"""The import budget: what every command loads with the plugin stays light; measured in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from crmcore.builtin.conformance.findings import Finding, finding
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.builtin.conformance.subject import Subject

MOST_MODULES = 150
"""So many modules the plugin's module, or that of a command, may bring along besides what every command has anyway."""
HEAVY = frozenset(
    {
        "adbc_driver_manager",
        "adbc_driver_postgresql",
        "adbc_driver_sqlite",
        "boto3",
        "dask",
        "django",
        "docx",
        "duckdb",
        "fastapi",
        "flask",
        "ibis",
        "jinja2",
        "lxml",
        "matplotlib",
        "networkx",
        "numpy",
        "openai",
        "openpyxl",
        "pandas",
        "PIL",
        "plotly",
        "polars",
        "py4j",
        "pyarrow",
        "pyspark",
        "pytest",
        "reportlab",
        "scipy",
        "sklearn",
        "statsmodels",
        "tensorflow",
        "torch",
        "transformers",
        "weasyprint",
        "xlrd",
        "xlsxwriter",
    }
)
"""Packages that cost a noticeable part of a second: for the function that needs them."""
_MEASURE = """
import json, os, sys
rows = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
import crmcore.api, crmcore.app, crmcore.cli.kit
seen = set(sys.modules)
for module in json.load(sys.stdin):
    __import__(module)
    rows.write(json.dumps([module, sorted(set(sys.modules) - seen)]) + "\\n")
    rows.flush()
    seen |= set(sys.modules)
os._exit(0)
"""
_SECONDS = 60


def check_budget(subject: Subject) -> Finding:
    """Import the plugin's module, then those of its commands, and count what comes along."""
    subject.need("hooks")
    targets = [command["target"].split(":")[0] for command in subject.manifest.commands]
    modules = list(dict.fromkeys([subject.installed.module, *targets]))
    done = subprocess.run(  # noqa: S603  (our own code; the plugin's modules are named, not typed)
        [sys.executable, "-P", "-c", _MEASURE],
        input=json.dumps(modules),
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=_SECONDS,
    )
    measured = [json.loads(line) for line in done.stdout.splitlines()]
    problems = []
    for module, found in measured:
        heavy = sorted(HEAVY & {name.split(".")[0] for name in found})
        if heavy:
            problems.append(
                _("importing {module} imports {names}; import them in the function that needs them").format(
                    module=module, names=", ".join(heavy)
                )
            )
        elif len(found) > MOST_MODULES:
            problems.append(
                _("importing {module} imports {count} modules, allowed are {most}").format(
                    module=module, count=len(found), most=MOST_MODULES
                )
            )
    if len(measured) < len(modules):
        last = done.stderr.strip().splitlines()[-1:]
        problems.append(
            _("{module} cannot be imported on its own: {error}").format(
                module=modules[len(measured)], error=" ".join(last) or done.returncode
            )
        )
    return finding(
        problems, _("modules: {counts}").format(counts=", ".join(f"{m} {len(f)}" for m, f in measured))
    )
