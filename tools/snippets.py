"""Follow a document as a reader would: write the files it shows, type its commands, compare what they print.

In the Markdown source, before a block of code:

* `<!-- file: NAME -->`: the block is the content of that file, named from the folder in which the reader began;
* `<!-- not run: WHY -->`: the block is left alone.

Every other `console` block whose commands begin with `$ ` is run, all in one empty folder, one after the other. The
lines below a command are what it prints: `…` stands for anything within a line, a line of `…` alone for any lines.
A command whose first or last line begins with `crm: ` is one that fails. `pip install -e DIR` is done without pip, so that
nothing is installed: the folder goes on PYTHONPATH, with the metadata that its pyproject.toml describes.

`python -m tools.snippets FILE…` does it by hand.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from markdown_it import MarkdownIt

from tools.workspace import BIN

_DIRECTIVE = re.compile(r"<!--\s*(file|not run):\s*(.*?)\s*-->", re.DOTALL)
_INSTALL = re.compile(r"pip install (?:.* )?-e (\S+)")
SECONDS = 300


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code: its language, its text, what the comment before it says, its line."""

    language: str
    text: str
    directive: str
    argument: str
    line: int

    @property
    def runs(self) -> bool:
        """Whether the block holds commands to be typed."""
        return self.language == "console" and "$ " in self.text[:2] and not self.directive

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """Give each command with the lines that it is said to print."""
        typed: str | None = None
        shown: list[str] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                if typed is not None:
                    yield typed, shown
                typed, shown = line.removeprefix("$ "), []
            elif typed is not None and typed.endswith("\\"):
                typed = typed[:-1] + line.strip()
            else:
                shown.append(line)
        if typed is not None:
            yield typed, shown


def blocks(path: Path) -> list[Block]:
    """Return the blocks of code of a document in order."""
    found: list[Block] = []
    directive, argument = "", ""
    for token in MarkdownIt().parse(path.read_text(encoding="utf-8")):
        if token.type == "html_block" and (said := _DIRECTIVE.search(token.content)):
            directive, argument = said[1], said[2]
        elif token.type == "fence":
            line = token.map[0] + 1 if token.map else 0
            found.append(Block(token.info.strip(), token.content, directive, argument, line))
            directive, argument = "", ""
        elif token.nesting >= 0 and token.type != "inline":
            directive, argument = "", ""
    return found


class Reader:
    """Somebody who follows a document in a folder of their own."""

    def __init__(
        self, folder: Path, language: str = "en", programs: Path | None = None, **given: str
    ) -> None:
        """Begin in an empty folder; no settings of the caller's count. `given` wins over what a document exports.

        programs: a folder whose programs come before those of `.venv`.
        """
        self.home = self.folder = folder
        self.given = given
        self.site = folder / ".site"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRM_", "PYTHON"))}
        self.environment: dict[str, str] = {
            **kept,
            "PATH": os.pathsep.join(
                [*([str(programs)] if programs else []), str(BIN), os.environ.get("PATH", os.defpath)]
            ),
            "CRM_LANG": language,
            "PYTHONDONTWRITEBYTECODE": "1",
            **given,
        }

    def follow(self, path: Path) -> list[str]:
        """Do what a document says; return what did not go as it shows."""
        problems: list[str] = []
        for block in blocks(path):
            place = f"{path.name}:{block.line}"
            if block.directive == "file":
                self._write(block)
            elif block.runs:
                problems += [f"{place}: {problem}" for problem in self._type(block)]
        return problems

    def _write(self, block: Block) -> None:
        file = self.home / block.argument
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, encoding="utf-8")

    def _type(self, block: Block) -> Iterator[str]:
        for command, shown in block.commands():
            code, printed = self.run(command)
            # The sentence stands first, or behind a plan that was shown.
            fails = any(re.match(r"crm: (?!warning|警告)", line) for line in (*shown[:1], *shown[-1:]))
            if (code != 0) != fails:
                yield f"`{command}` ended with {code} and printed:\n{printed}"
            elif missing := first_difference(shown, printed.splitlines()):
                yield f"`{command}` is said to print\n    {missing}\nand printed:\n{printed}"

    def run(self, command: str) -> tuple[int, str]:
        """Type one command; return its exit code and all that it printed."""
        bare = re.sub(r"\s+#\s.*$", "", command)
        if bare.startswith("cd "):
            self.folder = (self.folder / bare.removeprefix("cd ")).resolve()
            return 0, ""
        if installed := _INSTALL.search(bare):
            self._install(self.folder / installed[1].strip("\"'").partition("[")[0])
            return 0, ""
        if exported := re.match(r"export (\w+)=", bare):
            if exported[1] not in self.given:
                self.environment[exported[1]] = self._bash(f'{bare}; printf %s "${exported[1]}"')[1]
            return 0, ""
        return self._bash(bare)

    def _bash(self, script: str) -> tuple[int, str]:
        # What a document says is ours, and the point is to run it as typed.
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")

    def _install(self, source: Path) -> None:
        project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        name, version = project["name"], project["version"]
        stem = name.replace("-", "_")
        for older in self.site.glob(f"{stem}-*.dist-info"):
            rmtree(older)
        folder = self.site / f"{stem}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
        )
        (folder / "entry_points.txt").write_text(
            _entry_points(project.get("entry-points", {})), encoding="utf-8"
        )
        (folder / "RECORD").write_text(f"{folder.name}/METADATA,,\n", encoding="utf-8")
        known = self.environment.get("PYTHONPATH", str(self.site)).split(os.pathsep)
        code = source / "src" if (source / "src").is_dir() else source
        self.environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*known, str(code.resolve())]))


def _entry_points(groups: Mapping[str, Mapping[str, str]]) -> str:
    return "\n".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in groups.items()
    )


def first_difference(shown: list[str], printed: list[str]) -> str | None:
    """Return the first line that a document shows and the command did not print, or None.

    Lines follow each other as shown, but where a line of `…` stands between them; blanks count as one.
    """
    position, anywhere = 0, False
    for line in (line for line in shown if line.strip()):
        if line.strip() == "…":
            anywhere = True
            continue
        pattern = re.compile(".*".join(map(re.escape, _squeezed(line).split("…"))))
        rest = [i for i, text in enumerate(printed) if i >= position and text.strip()]
        found = next(
            (i for i in (rest if anywhere else rest[:1]) if pattern.fullmatch(_squeezed(printed[i]))), None
        )
        if found is None:
            return line
        position, anywhere = found + 1, False
    return None


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def main(names: list[str]) -> int:
    """Follow each document in a folder that is deleted afterwards; return 1 if one did not go as it shows."""
    failed = 0
    for name in names:
        path = Path(name).resolve()
        with tempfile.TemporaryDirectory() as folder:
            language = "zh_CN" if ".zh_CN." in path.name else "en"
            for problem in Reader(Path(folder), language).follow(path):
                failed = 1
                print(problem)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
