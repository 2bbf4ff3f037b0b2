"""Reads the filter of a query: comparisons of fields with numbers, texts and bools, `in` and `like`, joined by `and`,
`or` and parentheses, as in the WHERE of SQL."""

from __future__ import annotations

import re
from typing import NamedTuple

from aigw.core.retrieval import Both, Comparison, Condition
from aigw.standins.dashvector.codes import BAD_FILTER, DashVectorError, unsupported

MOST_LETTERS = 40_960
MOST_CONDITIONS = 256
MOST_GAPS = 2
"""How many `%` a pattern may have: with many of them, a long text takes for ever."""
_DEEPEST = 32
"""How many parentheses may be open."""

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    |(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.-]))
    |(?P<word>[A-Za-z0-9_][A-Za-z0-9_-]*)
    |(?P<sign><=|>=|!=|[=<>(),])
    )""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_COMPARE = ("=", "!=", "<", "<=", ">", ">=")
_BOOLS = {"true": True, "false": False}
_OTHERS = ("is", "not", "contain_any", "contain_all")
"""Words of DashVector's filters that are not understood here."""

Value = str | int | float | bool


class _Token(NamedTuple):
    """A token of a filter. `kind` is a group of _TOKEN, or "end"."""

    kind: str
    text: str
    place: int


def parse(text: str) -> Condition:
    """Raises DashVectorError, which says where the filter is wrong."""
    if len(text) > MOST_LETTERS:
        raise DashVectorError(BAD_FILTER, f"a filter has at most {MOST_LETTERS} letters")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._conditions = 0
        self._depth = 0
        self._next = self._token(0)

    def whole(self) -> Condition:
        found = self._either()
        if self._next.kind != "end":
            raise self._wrong("`and`, `or` or the end")
        return found

    def _either(self) -> Condition:
        found = [self._both()]
        while self._took("or"):
            found.append(self._both())
        return found[0] if len(found) == 1 else Both(tuple(found), every=False)

    def _both(self) -> Condition:
        found = [self._one()]
        while self._took("and"):
            found.append(self._one())
        return found[0] if len(found) == 1 else Both(tuple(found))

    def _one(self) -> Condition:
        if self._took("("):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise DashVectorError(BAD_FILTER, f"a filter has at most {_DEEPEST} open parentheses")
            inner = self._either()
            self._want(")")
            self._depth -= 1
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise DashVectorError(BAD_FILTER, f"a filter has at most {MOST_CONDITIONS} comparisons")
        if not _is_field(self._next) or self._next.text.lower() in _OTHERS:
            raise self._wrong("the name of a field")
        field = self._advance().text
        operator = self._next.text.lower()
        if operator in _COMPARE:
            self._advance()
            return Comparison(field, operator, self._value())
        if self._took("like"):
            return Comparison(field, "like", self._pattern())
        if self._took("in"):
            return Comparison(field, "in", self._list())
        if self._took("not"):
            self._want("in")
            return Both(tuple(Comparison(field, "!=", value) for value in self._list()))
        raise self._wrong(f"one of {' '.join(_COMPARE)} in like")

    def _list(self) -> tuple[Value, ...]:
        self._want("(")
        values = [self._value()]
        while self._took(","):
            values.append(self._value())
        self._want(")")
        return tuple(values)

    def _pattern(self) -> Value:
        if self._next.kind != "text":
            raise self._wrong("a text in quotes")
        if self._next.text.count("%") > MOST_GAPS:
            raise DashVectorError(BAD_FILTER, f"a pattern after `like` has at most {MOST_GAPS} `%`")
        return self._value()

    def _value(self) -> Value:
        kind, text, _ = self._next
        if kind == "text":
            self._advance()
            return _unquoted(text)
        if kind == "number":
            self._advance()
            return float(text) if re.search(r"[.eE]", text) else int(text)
        if text.lower() in _BOOLS:
            self._advance()
            return _BOOLS[text.lower()]
        raise self._wrong("a number, true, false or a text in quotes")

    def _took(self, text: str) -> bool:
        """Whether this comes next; if so, it is read."""
        if self._next.kind in ("word", "sign") and self._next.text.lower() == text:
            self._advance()
            return True
        return False

    def _want(self, text: str) -> None:
        if not self._took(text):
            raise self._wrong(f"`{text}`")

    def _advance(self) -> _Token:
        token = self._next
        self._next = self._token(token.place + len(token.text))
        return token

    def _token(self, place: int) -> _Token:
        found = _TOKEN.match(self._text, place)
        if found is not None and found.lastgroup is not None:
            return _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))
        rest = self._text[place:].lstrip()
        return _Token("end" if not rest else "strange", rest[:1], len(self._text) - len(rest))

    def _wrong(self, wanted: str) -> DashVectorError:
        kind, text, place = self._next
        if text.lower() in _OTHERS:
            return unsupported(f"`{text}` in a filter")
        there = "its end" if kind == "end" else f"`{text}` at letter {place + 1}"
        return DashVectorError(BAD_FILTER, f"the filter should have {wanted} in the place of {there}")


def _unquoted(text: str) -> str:
    quote, inner = text[0], text[1:-1].replace(text[0] * 2, text[0])
    return re.sub(rf"\\([\\{quote}])", r"\1", inner)


def _is_field(token: _Token) -> bool:
    """Whether it may name a field. Some names look like numbers: `0E0`."""
    return token.kind == "word" or (token.kind == "number" and token.text.isalnum() and not token.text.isdigit())
