"""Check the documents: generated parts fresh, links alive, the same commands in both READMEs."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tools.workspace import BIN, ROOT, documents, inside, report, run

READMES = (ROOT / "README.md", ROOT / "README.zh_CN.md")


def main() -> int:
    """Print what is wrong in the documents; return 1 if anything is."""
    problems = [*stale_parts(), *dead_links(), *different_commands()]
    return report(problems)


def stale_parts() -> Iterator[str]:
    """Yield a sentence if a part that cog writes is not what it would write now."""
    generated = [path for path in documents() if "[[[cog" in path.read_text(encoding="utf-8")]
    if generated and run(BIN / "cog", "-n", "utf-8", "--check", "--diff", *generated, quiet=True):
        names = " ".join(inside(path) for path in generated)
        yield f"documents: generated parts are stale, see above; run `.venv/bin/cog -r {names}`"


def dead_links() -> Iterator[str]:
    """Yield a sentence for each relative link whose file does not exist."""
    for path in documents():
        for target in sorted(links(path)):
            file = unquote(target.partition("#")[0])
            if file and not (path.parent / file).exists():
                yield f"{inside(path)}: the link {target} leads nowhere"


def links(path: Path) -> set[str]:
    """Return the relative targets of a document's links and images."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    inline = [child for token in tokens for child in token.children or ()]
    targets = {str(child.attrGet("href") or child.attrGet("src") or "") for child in inline}
    return {target for target in targets if target and not re.match(r"[a-z][a-z0-9+.-]*:|//|#", target)}


def different_commands() -> Iterator[str]:
    """Yield a sentence where the Chinese README's commands are not the English one's."""
    if not READMES[1].exists():
        yield "README.zh_CN.md is missing"
        return
    english, chinese = (blocks(path) for path in READMES)
    if len(english) != len(chinese):
        yield f"README.md has {len(english)} code blocks, README.zh_CN.md has {len(chinese)}"
    for number, (one, other) in enumerate(zip(english, chinese, strict=False), start=1):
        if one != other:
            yield f"README.zh_CN.md: code block {number} is {other}, in README.md it is {one}"


def blocks(path: Path) -> list[list[str]]:
    """Return each code block as its commands; what a command prints may be in another language."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    return [commands(token) for token in tokens if token.type == "fence"]


def commands(block: Token) -> list[str]:
    """Return the commands of a shell block without their comments; of any other block its language alone."""
    language = block.info.strip()
    lines = [line.strip() for line in block.content.splitlines()]
    if language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")] or lines
    elif language not in {"sh", "bash", "shell"}:
        return [language]
    bare = [re.sub(r"(^|\s+)#.*", "", line) for line in lines]
    return [line for line in bare if line]


if __name__ == "__main__":
    sys.exit(main())
