"""Measure child processes: CPU seconds and peak memory, best of several runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """What one process took."""

    cpu: float
    """Seconds, user and system."""
    peak_mb: float


_LAUNCH = """
import os, sys
unheard = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[unheard])
_pid, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""
"""A peak begins at what the process took that started it: this one takes nearly nothing."""


def run(arguments: Sequence[str], *, environ: dict[str, str] | None = None) -> Measure:
    """Run a program to its end; raises CalledProcessError with its stderr if it fails."""
    launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, *arguments]
    done = subprocess.run(launch, capture_output=True, env=environ, check=True)
    code, cpu, peak = done.stdout.split()  # to the microsecond, with the children that it waited for
    if int(code):
        raise subprocess.CalledProcessError(int(code), arguments, stderr=done.stderr)
    return Measure(float(cpu), int(peak) / 1024)


def best_of(times: int, arguments: Sequence[str]) -> Measure:
    """Run a program several times; the least CPU counts, since the machine is shared."""
    return min((run(arguments) for _ in range(times)), key=lambda measure: measure.cpu)


def python(code: str) -> list[str]:
    """Return the command that runs a line of Python in this environment."""
    return [sys.executable, "-c", code]


def crm(*words: str) -> list[str]:
    """Return the command that runs the command line in this environment."""
    return [sys.executable, "-m", "crmcore", *words]


def report(name: str, value: float, reference: float, limit: str, *, higher_is_better: bool = False) -> None:
    """Print one line: what, how much, against what, the ratio and the limit that we hold ourselves to."""
    ratio = reference / value if higher_is_better else value / reference
    print(f"{name:<58} {value:8.3f} s  reference {reference:8.3f} s  ratio {ratio:5.2f}  ({limit})")
