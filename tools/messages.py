"""Keep the gettext catalogues of all distributions: `--update` writes, `--check` tells what is wrong.

Messages are what the code marks with `_`, `N_` and `ngettext`, the titles and descriptions of schemas, and
the titles, helps and purposes of plugin.json. The core's catalogue holds click's own words too: users take them for
ours. Files come out the same on every machine: sorted, without dates, places or the name of a tool's
version.
"""

import argparse
import io
import json
import string
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tools.workspace import Distribution, distributions, examples, inside, report

LANGUAGE = "zh_CN"
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
# One text, or a singular and its plural.
Words = tuple[str, ...]


class SteadyCatalog(Catalog):
    """A catalogue whose header holds nothing that changes from one day or machine to the next."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """Only what readers need: language, plural rule, encoding."""
        return [
            ("Project-Id-Version", str(self.project)),
            ("Language", LANGUAGE),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]


def main() -> int:
    """Update or check every catalogue; return 1 if something is not translated, stale or broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--update", action="store_true", help="read the sources again, compile")
    mode.add_argument(
        "--check", action="store_true", help="change nothing, fail where something is not right"
    )
    update = parser.parse_args().update
    problems: list[str] = []
    for distribution in [*distributions(), *examples()]:
        # Where a text stands alone here and with a plural there, one entry serves both: the longer one.
        wanted = list({words[0]: words for words in sorted(set(sources(distribution)))}.values())
        if update and wanted:
            write(distribution, wanted)
        if wanted:
            problems += check(distribution, wanted)
    return report(problems)


# --- what is said ---


def sources(distribution: Distribution) -> Iterator[Words]:
    """Yield every message of a distribution, some more than once."""
    yield from from_code(distribution.files("*.py"))
    if distribution.domain == "crmcore":
        spec = find_spec("click")
        yield from from_code(sorted(Path(str(spec and spec.origin)).parent.glob("*.py")))
    for path in distribution.files("*.schema.json"):
        yield from from_json(json.loads(path.read_bytes()), {"title", "description"})
    for path in distribution.files("plugin.json"):
        yield from from_json(json.loads(path.read_bytes()), {"title", "description", "help", "purpose"})


def from_code(paths: Iterable[Path]) -> Iterator[Words]:
    """Yield the messages that Python files mark."""
    for path in paths:
        with path.open("rb") as source:
            for _line, message, _comments, _context in extract("python", source, KEYWORDS):
                if message:
                    yield words_of(message)


def from_json(node: Any, keys: set[str]) -> Iterator[Words]:
    """Yield the texts under these keys; examples and defaults are data, not words of ours."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in children:
        if name in keys and isinstance(value, str) and value:
            yield (value,)
        elif name == "properties" and isinstance(value, dict):
            yield from from_json(list(value.values()), keys)
        elif name not in {"default", "example", "examples", "enum", "const"}:
            yield from from_json(value, keys)


def words_of(text: str | Sequence[str] | None) -> Words:
    """Return a text as catalogues of babel hold it, one or several, always as a tuple."""
    return (text,) if isinstance(text, str) else tuple(text or ("",))


# --- the files ---


def catalogue_file(distribution: Distribution, suffix: str) -> Path:
    """Return where a distribution's catalogue lies: `.po` is the source, `.mo` what runs."""
    return distribution.package / "locale" / LANGUAGE / "LC_MESSAGES" / f"{distribution.domain}{suffix}"


def read(distribution: Distribution) -> Catalog:
    """Return the catalogue as it was committed; an empty one where there is none yet."""
    path = catalogue_file(distribution, ".po")
    if not path.exists():
        return Catalog(locale=LANGUAGE)
    with path.open("rb") as file:
        return read_po(file, locale=LANGUAGE)


def translations(catalogue: Catalog) -> dict[Words, Words]:
    """Return what a catalogue says, its header left out."""
    return {words_of(entry.id): words_of(entry.string) for entry in catalogue if entry.id}


def steady(distribution: Distribution, translated: Mapping[Words, Words]) -> SteadyCatalog:
    """Build a catalogue of messages with their translations."""
    catalogue = SteadyCatalog(
        locale=LANGUAGE,
        project=distribution.domain,
        header_comment=f"# Messages of {distribution.domain} in Chinese; `make messages` keeps this file.",
        fuzzy=False,
    )
    for message, translation in translated.items():
        if len(message) == 1:
            catalogue.add(message[0], translation[0])
        else:
            catalogue.add(message, translation)
    return catalogue


def write(distribution: Distribution, wanted: Iterable[Words]) -> None:
    """Write the catalogue anew with the translations there are, and compile it."""
    # By the first text: a message keeps its translation when it gets a plural.
    known = {message[0]: translation for message, translation in translations(read(distribution)).items()}
    catalogue = steady(distribution, {message: known.get(message[0], ("",)) for message in wanted})
    text = io.BytesIO()
    write_po(text, catalogue, width=110, no_location=True, sort_output=True, ignore_obsolete=True)
    path = catalogue_file(distribution, ".po")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.getvalue())
    catalogue_file(distribution, ".mo").write_bytes(compiled(distribution))


def compiled(distribution: Distribution) -> bytes:
    """Return what the `.mo` must be: the translated messages of the `.po`."""
    done = {message: text for message, text in translations(read(distribution)).items() if all(text)}
    binary = io.BytesIO()
    write_mo(binary, steady(distribution, done))
    return binary.getvalue()


# --- the check ---


def check(distribution: Distribution, wanted: Iterable[Words]) -> Iterator[str]:
    """Yield a sentence for each thing that is not right with a distribution's catalogue."""
    source, binary = (catalogue_file(distribution, suffix) for suffix in (".po", ".mo"))
    catalogue = read(distribution)
    have = translations(catalogue)
    for message in sorted(set(wanted) - have.keys()):
        yield f"{inside(source)}: lacks {message[0]!r}; run `make messages`"
    for message in sorted(have.keys() - set(wanted)):
        yield f"{inside(source)}: no source says {message[0]!r} any more; run `make messages`"
    if catalogue.obsolete:
        yield f"{inside(source)}: holds obsolete messages; run `make messages`"
    for entry in catalogue:
        if entry.id and entry.fuzzy:
            yield f"{inside(source)}: {words_of(entry.id)[0]!r} is marked fuzzy: settle its translation"
    for message, translation in sorted(have.items()):
        yield from (f"{inside(source)}: {message[0]!r} {fault}" for fault in faults(message, translation))
    if not binary.exists() or binary.read_bytes() != compiled(distribution):
        yield f"{inside(binary)}: not compiled from the .po beside it; run `make messages`"


def faults(message: Words, translation: Words) -> Iterator[str]:
    """Yield what is wrong with one translation: none, or other placeholders than the message has."""
    if not all(translation):
        yield "is not translated"
        return
    for text in translation:
        if placeholders(text) != placeholders(message[-1]):
            yield f"is translated with other placeholders: {text!r}"


def placeholders(text: str) -> set[str]:
    """Return the names in braces, as str.format reads them; text that is no format has none."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return set()


if __name__ == "__main__":
    sys.exit(main())
