"""Checks the section `guard:`, and reads the files of words that it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from aigw.config.files import NoFileError, content
from aigw.config.report import Report, suggest
from aigw.core.json_path import JsonPath
from aigw.guard.finding import LABELS
from aigw.guard.settings import LONGEST_WORD, MOST_BYTES, GuardSettings, UserRule


def check_guard(guard: GuardSettings, folder: Path, report: Report) -> GuardSettings:
    """The section with the words of its files, which are seen from `folder`. Loads the screen only for one that says
    something."""
    if guard == GuardSettings():
        return guard
    from aigw.guard.screen import BUILTIN

    names = [rule.name for rule in BUILTIN]
    labels = [rule.label for rule in guard.rules]
    for index, name in enumerate(guard.off):
        if name not in names:
            report.error(("guard", "off", index), f"there is no rule {name!r}{_suggested(name, names)}")
    known = [*LABELS, *names, *labels]
    for name in guard.actions:
        if name not in known:
            report.error(("guard", "actions", name), f"there is no rule or label {name!r}{_suggested(name, known)}")
    rules = []
    for index, rule in enumerate(guard.rules):
        path: JsonPath = ("guard", "rules", index)
        if rule.label in names:
            report.error((*path, "label"), f"{rule.label!r} is a rule that comes with aigw")
        elif rule.label in labels[:index]:
            report.error((*path, "label"), f"{rule.label!r} is already the label of rules[{labels.index(rule.label)}]")
        _check_rule(rule, path, report)
        words = _words_of(rule.file, folder, (*path, "file"), report) if rule.file else []
        rules.append(msgspec.structs.replace(rule, words=[*rule.words, *words], file=""))
    return msgspec.structs.replace(guard, rules=rules)


def word_files(guard: GuardSettings, folder: Path) -> Iterator[Path]:
    return (_path_of(rule.file, folder) for rule in guard.rules if rule.file)


def _check_rule(rule: UserRule, path: JsonPath, report: Report) -> None:
    if not rule.words and not rule.regex and not rule.file:
        report.error(path, "needs words, file or regex")
    for key, words in (("words", rule.words), ("allow", rule.allow)):
        for index, word in enumerate(words):
            if problem := _problem(word):
                report.error((*path, key, index), problem)
    if not rule.regex:
        return
    from aigw.guard.engine import compiled

    for index, pattern in enumerate(rule.regex):
        try:
            compiled(pattern)
        except ValueError as error:
            report.error((*path, "regex", index), f"is no RE2 pattern: {error}")


def _words_of(file: str, folder: Path, path: JsonPath, report: Report) -> Sequence[str]:
    try:
        text = content(_path_of(file, folder), MOST_BYTES)
        lines = text.decode("utf-8-sig").splitlines()
    except NoFileError:
        report.error(path, f"{file} is not a file")
    except FileNotFoundError:
        report.error(path, f"there is no file {file}; it has a word a line")
    except OSError as error:
        report.error(path, f"{file} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        report.error(path, f"{file} is not UTF-8")
    else:
        if len(text) <= MOST_BYTES:
            return list(_words_in(lines, file, path, report))
        report.error(path, f"{file} is larger than {MOST_BYTES >> 20} MiB")
    return []


def _words_in(lines: Sequence[str], file: str, path: JsonPath, report: Report) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        word = line.strip()
        if word and not word.startswith("#"):
            if problem := _problem(word):
                report.error(path, f"{file}:{number} {problem}")
            yield word


def _path_of(file: str, folder: Path) -> Path:
    return folder / Path(file).expanduser()


def _problem(word: str) -> str:
    if not word.strip():
        return "must not be empty"
    return f"has {len(word)} characters, more than {LONGEST_WORD}" if len(word) > LONGEST_WORD else ""


def _suggested(name: str, known: list[str]) -> str:
    return suggest(name, known) or "; `aigw guard rules` lists them"
