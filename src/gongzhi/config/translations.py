"""The words of the interface in other languages.

English stands in the code. ``collect`` finds every sentence there and keeps ``locale/<language>/LC_MESSAGES/django.po``
in step; people fill in the words; ``compile_all`` makes the form that the program reads (at set-up, not kept in git).
Neither needs the gettext programs.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from babel.core import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.plurals import get_plural
from babel.messages.pofile import generate_po, read_po

PACKAGE: Final = Path(__file__).resolve().parent.parent
LANGUAGES: Final = ("zh_Hans",)
ENGLISH: Final = "en"

_ONE, _MANY, _IN_CONTEXT, _MANY_IN_CONTEXT = None, (1, 2), ((1, "c"), 2), ((1, "c"), 2, 3)
# The names by which the code calls gettext, and which of their arguments are words.
CALLS: Final[dict[str, Any]] = {
    **dict.fromkeys(("_", "_t", "gettext", "gettext_lazy", "gettext_noop"), _ONE),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), _MANY),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), _IN_CONTEXT),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), _MANY_IN_CONTEXT),
}
HEADER: Final = """\
# Gongzhi in {name}. Collected by 'gongzhi translations collect'; docs/howto/translate.md says how to work on it.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plural}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""

Words = str | tuple[str, ...]


def catalogue_path(language: str) -> Path:
    return PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po"


def read_catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, abort_invalid=True)


def sources() -> Iterator[Path]:
    """Every file whose words a page may show: Python and templates. The command line, like the tests, is English."""
    for path in sorted((*PACKAGE.rglob("*.py"), *PACKAGE.rglob("templates/**/*.html"))):
        if not {"tests", "migrations", "commands.py"} & set(path.relative_to(PACKAGE).parts):
            yield path


def _as_python(path: Path) -> str:
    """A file as Python's tokens can be read from it. Of a template only the calls that its tags stand for are left."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text
    from django.utils.translation.template import templatize

    # What is no call is blanked with X there; only its depth on the page is none of Python's.
    return "\n".join(line.strip() for line in templatize(text).splitlines())


def words_of(path: Path) -> Iterator[tuple[str, Words, list[str]]]:
    """The sentences of one file as (context, words, comments for the translator); words are a pair with a plural."""
    code = io.BytesIO(_as_python(path).encode())
    for _line, words, comments, context in extract("python", code, CALLS, ("Translators:",), {"encoding": "utf-8"}):
        if words:
            yield context or "", words, comments


def collect(language: str = ENGLISH, old: Catalog | None = None) -> Catalog:
    """All sentences of the code, with the translations of ``old``. Nothing is guessed and nothing obsolete is kept.

    Sorted by file and sentence, so that code which only moves within its file changes nothing.
    """
    found: dict[tuple[str, str], tuple[Words, set[str], list[str]]] = {}
    for path in sources():
        for context, words, comments in words_of(path):
            key = (context, words if isinstance(words, str) else words[0])
            known = found.setdefault(key, (words, set(), []))
            if isinstance(known[0], str) and not isinstance(words, str):
                known = found[key] = (words, *known[1:])
            known[1].add(path.relative_to(PACKAGE).as_posix())
            known[2].extend(comment for comment in comments if comment not in known[2])
    catalogue = Catalog(locale=language)
    for (context, first), (words, files, comments) in sorted(found.items(), key=lambda item: (min(item[1][1]), item)):
        before = old.get(first, context or None) if old is not None else None
        catalogue.add(
            words,
            _kept(before, words, catalogue.num_plurals),
            locations=[(file, 0) for file in sorted(files)],
            auto_comments=comments,
            user_comments=before.user_comments if before else (),
            context=context or None,
        )
    return catalogue


def _forms(message: Message) -> tuple[str, ...]:
    """Its translation: one, or one for each plural form."""
    string = message.string
    return (string,) if isinstance(string, str) else tuple(string or ("",))


def _kept(before: Message | None, words: Words, plurals: int) -> Words:
    """The translation that is there, in the shape that the sentence has now."""
    there = _forms(before) if before is not None else ("",)
    if isinstance(words, str):
        return there[0]
    return there if len(there) == plurals else (there[0],) * plurals


def written(catalogue: Catalog, language: str) -> str:
    """The catalogue as it stands in git."""
    head = HEADER.format(
        name=Locale.parse(language).get_display_name("en"),
        language=language,
        plural=get_plural(language).plural_forms,
    )
    # Babel's own head carries the day, and so would differ every time.
    body = "".join(generate_po(catalogue, width=110, omit_header=True, include_lineno=False, ignore_obsolete=True))
    return head + body.rstrip("\n") + "\n"


def compile_all() -> int:
    """Compile every catalogue that is newer than its compiled form, and say how many there were."""
    count = 0
    for source in sorted(PACKAGE.glob("**/locale/*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        catalogue = read_catalogue(source)
        fresh = target.with_suffix(f".{os.getpid()}")  # another process may be reading, or writing, the old one
        with fresh.open("wb") as file:
            write_mo(file, catalogue)
        fresh.replace(target)
        count += 1
    return count


def missing(catalogue: Catalog) -> list[str]:
    """The sentences that have no translation yet."""
    open_ones = [message for message in catalogue if message.id and not all(_forms(message))]
    return [message.id if isinstance(message.id, str) else message.id[0] for message in open_ones]


@click.group()
def translations() -> None:
    """The words of the interface in other languages."""


@translations.command("collect")
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit with 1 where something is to be done.")
def collect_command(only_check: bool) -> None:
    """Find every sentence in the code and bring the catalogues in step with it."""
    undone = False
    for language in LANGUAGES:
        path = catalogue_path(language)
        catalogue = collect(language, read_catalogue(path) if path.exists() else None)
        text, open_ones = written(catalogue, language), missing(catalogue)
        stale = not path.exists() or path.read_text(encoding="utf-8") != text
        if stale and not only_check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        undone = undone or bool(open_ones) or (stale and only_check)
        click.echo(f"{language}: {len(catalogue)} sentences, {len(open_ones)} without translation.")
        for words in open_ones:
            click.echo(f"  {words!r}")
        if stale and only_check:
            click.echo(f"{language}: the catalogue is behind the code; run 'gongzhi translations collect'.")
    raise SystemExit(1 if undone else 0)


@translations.command("compile")
def compile_command() -> None:
    """Make what the program reads. Set-up does it too."""
    click.echo(f"Translations compiled: {compile_all()}")


if __name__ == "__main__":
    sys.stderr.write(f"Translations compiled: {compile_all()}\n")
