"""Run the tests on the oldest direct dependencies that each pyproject.toml allows, in `.venv-lowest`."""

import sys
from pathlib import Path

from tools.workspace import BIN, ROOT, distributions, run

VENV = ROOT / ".venv-lowest"


def main() -> int:
    """Install the lowest versions of direct dependencies, then run the tests; arguments go to pytest."""
    install: list[str | Path] = [BIN / "uv", "pip", "install", "--quiet", "--python", VENV / "bin" / "python"]
    folders = [distribution.folder for distribution in distributions()]
    oldest = ["--resolution=lowest-direct", "--all-extras", "--group=dev"]
    manifests = [word for folder in folders for word in ("-r", str(folder / "pyproject.toml"))]
    editables = [word for folder in folders for word in ("-e", str(folder))]
    return (
        run(BIN / "uv", "venv", "--quiet", "--clear", VENV, "--python", sys.executable)
        or run(*install, *oldest, *manifests)
        or run(*install, "--no-deps", "--no-build-isolation", *editables)
        or run(VENV / "bin" / "pytest", "-n", "2", *sys.argv[1:])
    )


if __name__ == "__main__":
    sys.exit(main())
