"""Runs Go's regular expressions (RE2 syntax, https://pkg.go.dev/regexp/syntax) with Python's engine, and replaces
matches as Go does.

A pattern is translated to Python's syntax, or refused if Python has nothing equal. Flags such as `(?i)` are written at
each atom, because their scope in Go is not that of Python's groups. A pattern that can match in too many ways is
refused too: RE2 takes linear time for it, but Python's engine tries all ways and may run for ever."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import NamedTuple

MAX_LENGTH = 128
"""The length in characters of the texts that every accepted pattern can search in a short time."""
LENGTHS = (100_000, 10_000, 1_000, MAX_LENGTH)
"""The lengths that `GoRegex.longest` tries, because a simple pattern can search longer texts in the same time."""
MAX_WAYS = 3_000_000
"""The largest allowed number of ways in which a pattern may match a text as long as itself (129**3 for three `.*`).
With this bound Python takes at most 0.1 s."""

_REPEAT = re.compile(r"\{(\d+)(,?)(\d*)\}")
_GROUP = re.compile(r"\?P?<([A-Za-z0-9_]+)>")
_FLAGS = re.compile(r"\?([imsU]*)(?:-([imsU]+))?([:)])")
_NUMBER = re.compile(r"x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]+)\}|(0[0-7]{0,2}|[1-7][0-7]{1,2})")
_NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_MAX_REPEAT = 1000
_SPACE = r"\t\n\f\r "
_ESCAPES = {"A": r"\A", "z": r"\Z", "b": r"\b", "B": r"\B", "d": r"\d", "D": r"\D", "w": r"\w", "W": r"\W",
            "s": f"[{_SPACE}]", "S": f"[^{_SPACE}]"}  # fmt: skip
_CHARACTERS = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7f", "blank": r"\t ", "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ", "upper": "A-Z", "word": r"0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip


class GoRegex:
    """A compiled pattern. Raises ValueError if the pattern is not valid in RE2, or cannot be translated."""

    def __init__(self, pattern: str, length: int = MAX_LENGTH) -> None:
        """`length` is how many characters of a text the pattern must be able to search."""
        parser = _Parser(pattern, length)
        try:
            self._pattern = re.compile(parser.translate(), re.ASCII)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(str(error)) from None
        self._names = parser.names
        self._length = length

    @classmethod
    def longest(cls, pattern: str) -> GoRegex:
        """Compiles a pattern for the longest texts that it can search in a short time. Raises ValueError."""
        for length in LENGTHS[:-1]:
            with contextlib.suppress(ValueError):
                return cls(pattern, length)
        return cls(pattern)

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in the first `length` characters of `text`."""
        return self._pattern.search(text, 0, self._length) is not None

    def replace_all(self, text: str, replacement: str) -> str | None:
        """Replaces all matches as Go's ReplaceAllString does. Returns None if nothing matches. In a long text, a match
        of more than half of `length` characters may be missed or cut.

        In `replacement`, `$1`, `${1}` and `$name` are groups, and `$$` is a dollar. As in Go, a name is the longest run
        of letters, digits and underscores, and a group that does not exist is empty."""
        parts: list[str] = []
        done, position, end_of_last, found = 0, 0, -1, False
        while position <= len(text) and (match := self._next(text, position)):
            found = True
            start, end = match.span()
            if end > end_of_last or start == 0:
                parts += text[done:start], self._expand(match, replacement)
                done = end
            end_of_last = end
            position = end if end > position else position + 1
        return "".join(parts) + text[done:] if found else None

    def _next(self, text: str, position: int) -> re.Match[str] | None:
        """Returns the first match from `position` on. A text that is longer than `length` is searched in windows of
        this length, so that each takes a short time. They overlap by half: a match of at most half a window is never
        missed, and none ends where only the window does."""
        while True:
            end = position + self._length
            if end >= len(text):
                return self._pattern.search(text, position)
            match = self._pattern.search(text, position, end)
            if match is None:
                position = end - self._length // 2
            elif match.end() < end or match.start() == position:
                return match
            else:
                position = match.start()

    def _expand(self, match: re.Match[str], replacement: str) -> str:
        return "".join(
            "$" if part == "$$" else self._group(match, part) if part.startswith("$") and len(part) > 1 else part
            for part in re.split(r"(\$\$|\$\{\w+\}|\$\w+)", replacement)
        )

    def _group(self, match: re.Match[str], reference: str) -> str:
        name = _NAME.fullmatch(reference)
        key = name[1] or name[2] if name else ""
        number = (
            int(key) if key.isascii() and key.isdigit() and (key == "0" or key[0] != "0") else self._names.get(key, -1)
        )
        return match[number] or "" if 0 <= number <= self._pattern.groups else ""


class _Part(NamedTuple):
    """A translated part of a pattern.

    `ways` is in how many ways it can match from one position on, at most. `single` is true if it matches exactly one
    character. If it is only a repetition of one character, `run` is the pattern of this character. If it matches only
    one character, `literal` is this character."""

    text: str
    ways: int = 1
    single: bool = False
    run: str = ""
    literal: str = ""


def _in_sequence(parts: Sequence[_Part]) -> _Part:
    parts = [part for part in parts if part.text]
    ways = 1
    for part, following in zip(parts, [*parts[1:], _Part("")], strict=False):
        if not (part.run and _ends_run(part.run, following)):
            ways *= part.ways
    run = parts[0].run if len(parts) == 1 else ""
    return _Part("".join(part.text for part in parts), min(ways, MAX_WAYS + 1), run=run)


def _in_turns(ways: int, least: int, most: int) -> int:
    """Returns in how many ways a part can match that is repeated between `least` and `most` times. A number above
    MAX_WAYS is not exact."""
    if ways == 1:
        return most - least + 1
    total = 0
    for times in range(least, most + 1):
        total += ways**times
        if total > MAX_WAYS:
            break
    return total


def _ends_run(run: str, following: _Part) -> bool:
    """Whether a run can end at only one position, because the next character is not in it (`[^-]*` before `-`), or
    because it must reach the end of the text."""
    if following.literal:
        cases = (following.literal, following.literal.swapcase())
        return not any(re.match(run, case, re.ASCII) for case in cases)
    return following.text == r"\Z"


class _Parser:
    """Translates a pattern, and counts in how many ways it can match. `names` has the numbers of its named groups."""

    def __init__(self, pattern: str, length: int) -> None:
        self.names: dict[str, int] = {}
        self._text = pattern
        self._length = length
        self._at = 0
        self._groups = 0
        self._flags = frozenset[str]()

    def translate(self) -> str:
        branches = self._branches()
        if self._at < len(self._text):
            raise ValueError("unexpected )")
        starts = 1 if all(branch.text.startswith(r"\A") for branch in branches) else self._length + 1
        if starts * sum(branch.ways for branch in branches) > MAX_WAYS:
            raise ValueError(
                "it can match in too many ways, which may take very long; begin it with ^, "
                "write [^-]* for .* before a -, or repeat less"
            )
        return "|".join(branch.text for branch in branches)

    def _branches(self) -> list[_Part]:
        """Translates up to the end of the group. Returns one part for each alternative between the bars."""
        outer = self._flags
        branches: list[list[_Part]] = [[]]
        while self._at < len(self._text) and self._text[self._at] != ")":
            if self._text[self._at] == "|":
                self._at += 1
                branches.append([])
            else:
                branches[-1].append(self._repeated(self._atom()))
        self._flags = outer
        return [_in_sequence(parts) for parts in branches]

    def _atom(self) -> _Part:
        char = self._text[self._at]
        self._at += 1
        if char == "(":
            return self._group()
        if char == "[":
            return _Part(self._flagged(self._class(), "i"), single=True)
        if char == "\\":
            escaped = self._text[self._at : self._at + 1]
            literal = "" if escaped.isalnum() else escaped
            return _Part(self._flagged(self._escape(), "i"), single=escaped not in "AzbBQ", literal=literal)
        if char == ".":
            return _Part(self._flagged(".", "s"), single=True)
        if char in "^$":
            return _Part(f"(?m:{char})" if "m" in self._flags else {"^": r"\A", "$": r"\Z"}[char])
        if char in "*+?" or (char == "{" and _REPEAT.match(self._text, self._at - 1)):
            raise ValueError(f"missing argument to repetition operator: {char}")
        return _Part(self._flagged(re.escape(char), "i"), single=True, literal=char)

    def _flagged(self, atom: str, flag: str) -> str:
        return f"(?{flag}:{atom})" if flag in self._flags and atom else atom

    def _group(self) -> _Part:
        opening = "("
        if name := _GROUP.match(self._text, self._at):
            self._at = name.end()
            if name[1] in self.names:
                raise ValueError(f"duplicate capture group name: {name[1]}")
            self.names[name[1]] = self._groups + 1
        elif flags := _FLAGS.match(self._text, self._at):
            self._at = flags.end()
            changed = (self._flags | set(flags[1])) - set(flags[2] or "")
            if flags[3] == ")":
                if not flags[1] and not flags[2]:
                    raise ValueError("missing argument to repetition operator: ?")
                self._flags = changed
                return _Part("")
            outer, self._flags, opening = self._flags, changed, "(?:"
        elif self._text.startswith("?", self._at):
            raise ValueError(f"invalid or unsupported Perl syntax: ({self._text[self._at : self._at + 3]}")
        self._groups += opening == "("
        branches = self._branches()
        if opening == "(?:":
            self._flags = outer
        if self._at >= len(self._text):
            raise ValueError("missing closing )")
        self._at += 1
        text = "|".join(branch.text for branch in branches)
        run = branches[0].run if len(branches) == 1 else ""
        return _Part(f"{opening}{text})", min(sum(branch.ways for branch in branches), MAX_WAYS + 1), run=run)

    def _repeated(self, atom: _Part) -> _Part:
        """Returns the atom with the repetition after it, if there is one."""
        operator, least, most = self._operator()
        if not operator:
            return atom
        if not atom.text:
            raise ValueError(f"missing argument to repetition operator: {operator}")
        lazy = self._text.startswith("?", self._at)
        self._at += lazy
        following, _, _ = self._operator()
        if following:
            raise ValueError(f"invalid nested repetition operator: {operator}{following}")
        varies = "?" if lazy != ("U" in self._flags) else ""
        most = self._length if most is None else min(most, self._length)
        ways = _in_turns(atom.ways, min(least, most), most)
        run = atom.text if atom.single else ""
        return _Part(f"(?:{atom.text}){operator}{varies}", min(ways, MAX_WAYS + 1), run=run)

    def _operator(self) -> tuple[str, int, int | None]:
        """Reads a repetition operator. Returns its text ("" if there is none), and how often it repeats at least and at
        most (None: without limit)."""
        char = self._text[self._at : self._at + 1]
        if char and char in "*+?":
            self._at += 1
            return char, 1 if char == "+" else 0, 1 if char == "?" else None
        count = _REPEAT.match(self._text, self._at)
        if count is None:
            return "", 1, 1
        least = int(count[1])
        most = int(count[3]) if count[3] else None if count[2] else least
        if max(least, most or 0) > _MAX_REPEAT or (most is not None and most < least):
            raise ValueError(f"invalid repeat count: {count[0]}")
        self._at = count.end()
        return count[0], least, most

    def _escape(self, *, in_class: bool = False) -> str:
        char = self._text[self._at : self._at + 1]
        self._at += 1
        if char == "Q" and not in_class:
            end = self._text.find(r"\E", self._at)
            literal = self._text[self._at : end if end >= 0 else None]
            self._at = end + 2 if end >= 0 else len(self._text)
            return f"(?:{re.escape(literal)})" if literal else ""
        if char in _ESCAPES and char:
            if not in_class:
                return _ESCAPES[char]
            if char in "dDwWS":
                return f"\\{char}"
            if char == "s":
                return _SPACE
        elif number := _NUMBER.match(self._text, self._at - 1):
            self._at = number.end()
            return re.escape(chr(int(number[1] or number[2], 16) if number[1] or number[2] else int(number[3], 8)))
        elif char in _CHARACTERS and char:
            return re.escape(_CHARACTERS[char])
        elif char and char.isascii() and not char.isalnum():
            return re.escape(char)
        raise ValueError(f"invalid or unsupported escape sequence: \\{char}")

    def _class(self) -> str:
        parts = ["["]
        if self._text.startswith("^", self._at):
            self._at += 1
            parts.append("^")
        first = True
        while first or not self._text.startswith("]", self._at):
            parts.append(self._class_item())
            if self._text.startswith("-", self._at) and not self._text.startswith("-]", self._at):
                self._at += 1
                parts += "-", self._class_item()
            first = False
        self._at += 1
        return "".join(parts) + "]"

    def _class_item(self) -> str:
        if self._at >= len(self._text):
            raise ValueError("missing closing ]")
        if self._text.startswith("[:", self._at) and (end := self._text.find(":]", self._at)) >= 0:
            name = self._text[self._at + 2 : end]
            if name not in _POSIX:
                raise ValueError(f"invalid or unsupported character class: [:{name}:]")
            self._at = end + 2
            return _POSIX[name]
        self._at += 1
        char = self._text[self._at - 1]
        return self._escape(in_class=True) if char == "\\" else re.escape(char)
