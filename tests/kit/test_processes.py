"""Code in a process of its own sees the plugins of the test, and what it is told."""

import json


def report(folder, word):
    import importlib
    import json
    import os
    import sys

    name = importlib.import_module("crmcore_far.plugin").NAME
    print(json.dumps([folder, word, name, os.environ["COLOUR"]]))  # noqa: T201
    sys.exit(7)


def test_a_function_is_called_with_its_arguments_there(run_in_process, install_plugin, tmp_path):
    install_plugin("far", "NAME = 'far away'\n")
    result = run_in_process(report, tmp_path, "hello", COLOUR="blue")
    assert (result.exit_code, result.stderr) == (7, "")
    assert json.loads(result.stdout) == [str(tmp_path), "hello", "far away", "blue"]


def test_a_text_is_run_as_it_is_and_warnings_are_errors(run_in_process):
    assert run_in_process("import sys; print(sys.argv[1:])", 1, "two").stdout == "['1', 'two']\n"
    assert "UserWarning" in run_in_process("import warnings; warnings.warn('mind the gap')").stderr
