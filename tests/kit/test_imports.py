"""Being installed costs a test run nothing: the kit imports neither the database nor any plugin."""

import json
import sys

from crmcore import testing

HEAVY = {
    "alembic",
    "cryptography",
    "hypothesis",
    "jsonschema",
    "psycopg",
    "pydantic",
    "rich",
    "sqlalchemy",
    "sqlmodel",
}

LISTED = """
import json, sys
import pytest
before = set(sys.modules)
import crmcore.testing
print(json.dumps([sorted(set(sys.modules) - before), [n for n in sys.modules if n.startswith("crmcore")]]))
"""


def test_the_kit_imports_itself_and_the_standard_library(run_in_process, install_plugin):
    install_plugin("asleep", "raise ImportError('nobody enabled it')")
    more, ours = json.loads(run_in_process(LISTED).stdout)
    assert "asyncio" not in more
    outside = {name.split(".")[0] for name in more} - sys.stdlib_module_names
    assert outside == {"crmcore"}
    assert {name for name in ours if not name.startswith("crmcore.testing")} == {"crmcore"}


def test_a_run_that_uses_no_fixture_imports_no_more(run_in_process, install_plugin, tmp_path):
    install_plugin("asleep", "raise ImportError('nobody enabled it')")
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "test_nothing.py").write_text(
        "import sys\n"
        "def test_nothing(request):\n"
        "    assert request.config.pluginmanager.hasplugin('crmcore-testing')\n"
        f"    assert not {HEAVY!r} & {{n.split('.')[0] for n in sys.modules}}\n"
        "    assert not [n for n in sys.modules if n.startswith('crmcore_')]\n",
        encoding="utf-8",
    )
    arguments = ["-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", str(tmp_path / "suite")]
    done = run_in_process(f"import pytest, sys; sys.exit(pytest.main({arguments!r}))")
    assert done.exit_code == 0, done.stdout


def test_all_that_the_kit_offers_is_there_and_documented():
    for name in testing.__all__:
        assert getattr(testing, name) is not None
