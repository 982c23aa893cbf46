"""Check that nothing which others build on is broken without a step of the version.

Published are the names of each `api` module, the hooks, the facts and the JSON Schemas; tests/contract/snapshots
holds them as they were last recorded. What may change when is told in docs/explanation/versioning.md.

`python -m tools.check_contract --update` records what is new. It records what is broken, too, once the version of the
distribution has made its step in pyproject.toml.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from tools.contract.difference import Difference
from tools.contract.snapshots import FOLDER, Part, lost, present, snapshot, step
from tools.workspace import inside

RULES = "docs/explanation/versioning.md"
UPDATE = ".venv/bin/python -m tools.check_contract --update"


class Finding(NamedTuple):
    """A sentence on one part, and what follows from it."""

    sentence: str
    fails: bool
    breaks: bool = False


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """Print each sentence; return 1 if one of them asks for something to be done."""
    parts = list(present())
    parts += lost(folder, parts)
    if "--update" in arguments:
        return update(folder, parts)
    found = [finding for part in parts for finding in check(folder, part)]
    for finding in found:
        print(finding.sentence)
    return int(any(finding.fails for finding in found))


def check(folder: Path, part: Part) -> Iterator[Finding]:
    """Compare one part with its snapshot."""
    known = snapshot(folder, part.file_name)
    stepped = bool(known) and step(part.version) > step(known["version"])
    differences = part.differences(known)
    broken = [d for d in differences if d.breaks]
    for difference in broken:
        yield Finding(
            _of_break(part, difference, known["version"], stepped=stepped), not stepped, breaks=True
        )
    # A version in the making may still change its mind; it is recorded when it is released.
    unfinished = stepped and Version(part.version).is_prerelease
    if (stepped or (differences and not broken)) and not unfinished:
        news = "; ".join(str(d) for d in differences[:3]) or "a new version"
        yield Finding(f"contract: {part.title}: not yet recorded: {news}; run `{UPDATE}`", fails=True)


def _of_break(part: Part, difference: Difference, version: str, *, stepped: bool) -> str:
    if stepped:
        return f"contract: {part.title} {part.version} breaks with {version}: {difference}"
    return (
        f"contract: {part.title}: {difference}, which breaks what others have built on {version}; take it back and "
        f"deprecate it in crmcore/deprecated.py, or make the next version {_next(version)} in pyproject.toml ({RULES})"
    )


def _next(version: str) -> str:
    first, *rest = step(version)
    return f"0.{rest[0] + 1}.0.dev0" if rest else f"{first + 1}.0.0.dev0"


def update(folder: Path, parts: Sequence[Part]) -> int:
    """Record every part as it is; refuse all where one breaks without a step."""
    found = [finding for part in parts for finding in check(folder, part)]
    refused = [finding.sentence for finding in found if finding.breaks and finding.fails]
    for sentence in refused:
        print(sentence)
    if refused:
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        path = folder / part.file_name
        if not part.names:
            path.unlink(missing_ok=True)
        elif not path.exists() or path.read_text(encoding="utf-8") != part.text:
            path.write_text(part.text, encoding="utf-8")
            print(f"recorded {inside(path) if folder == FOLDER else path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
