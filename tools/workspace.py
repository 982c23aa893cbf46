"""Where things are in this checkout: its distributions, their packages, the programs of `.venv`."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Distribution:
    """One distribution of the workspace: its folder and its import package."""

    folder: Path
    package: Path

    @property
    def domain(self) -> str:
        """The gettext domain, which is the package's name."""
        return self.package.name

    def files(self, *patterns: str) -> list[Path]:
        """Return the package's files of these patterns, in the same order on every machine."""
        return sorted(found for pattern in patterns for found in self.package.rglob(pattern))


def distributions() -> list[Distribution]:
    """Return the core and every bundled plugin."""
    found = [Distribution(ROOT, ROOT / "crmcore")]
    for manifest in sorted(ROOT.glob("plugins/*/pyproject.toml")):
        folder = manifest.parent
        found.append(Distribution(folder, folder / "src" / f"crmcore_{folder.name}"))
    return found


def examples() -> list[Distribution]:
    """Return the example plugins of the documents."""
    folders = sorted(path.parent for path in ROOT.glob("docs/examples/*/pyproject.toml"))
    return [Distribution(folder, folder / "src" / f"crmcore_{folder.name}") for folder in folders]


def documents() -> list[Path]:
    """Return every Markdown file of the checkout but those of tools and caches."""
    return sorted(path for path in walk(ROOT) if path.suffix == ".md")


def walk(folder: Path) -> Iterator[Path]:
    """Go through the checkout's own files: no hidden folder, nothing that make made."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in {"demo", "dist", "build", "__pycache__"}:
            continue
        if path.is_dir():
            yield from walk(path)
        else:
            yield path


def inside(path: Path) -> str:
    """Return a path as people write it: from the checkout, with slashes."""
    return path.relative_to(ROOT).as_posix()


def run(*command: str | Path, quiet: bool = False, **variables: str) -> int:
    """Run a program in the checkout, those of `.venv` first; return its exit code.

    Quiet: what it prints is shown only where it fails.
    """
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, "PATH": path, **variables},
        check=False,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
    )
    if quiet and done.returncode:
        sys.stdout.buffer.write(done.stdout)
        sys.stdout.flush()
    return done.returncode


def report(problems: Sequence[str]) -> int:
    """Print what is wrong, one line each; return the exit code."""
    for problem in problems:
        print(problem)
    return 1 if problems else 0
