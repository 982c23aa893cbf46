"""Run all benchmarks: `python -m benchmarks`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

OWN = {"__init__", "__main__", "measuring"}


def main() -> None:
    """Run every other module of this folder."""
    sys.argv = sys.argv[:1]
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in OWN:
            print(f"== {path.stem}", flush=True)
            import_module(f"benchmarks.{path.stem}").main()


if __name__ == "__main__":
    main()
