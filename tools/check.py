"""Check all but the tests: lint, format, types, imports, schemas, contract, messages, documents.

The work of `make check`. Every step runs even where one before it failed: one call shows all there is to
mend.
"""

import sys
import time

from tools.workspace import BIN, run

STEPS: dict[str, list[str]] = {
    "lint": ["ruff", "check", "--quiet", "--output-format=concise", "."],
    "format": ["ruff", "format", "--check", "--quiet", "--output-format=concise", "."],
    "types": ["mypy", "--no-error-summary"],
    "imports": ["lint-imports", "--no-logo"],
    "schemas": ["python", "-m", "tools.check_schemas"],
    "contract": ["python", "-m", "tools.check_contract"],
    "messages": ["python", "-m", "tools.messages", "--check"],
    "documents": ["python", "-m", "tools.check_docs"],
}


def main(chosen: list[str]) -> int:
    """Run the steps named, or all; return 1 if any of them failed."""
    failed = []
    for name in chosen or STEPS:
        program, *arguments = STEPS[name]
        begun = time.monotonic()
        # A terminal's width would wrap import-linter's lines at 80 in a pipe.
        code = run(BIN / program, *arguments, quiet=True, COLUMNS="110")
        print(f"{name:10} {'failed' if code else 'ok':7} {time.monotonic() - begun:5.1f} s", flush=True)
        failed += [name] if code else []
    if failed:
        print(f"make check: {len(failed)} of {len(chosen or STEPS)} failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
