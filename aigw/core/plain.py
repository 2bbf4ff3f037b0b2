"""Makes texts harmless that come from clients, providers and servers.

Rule: whoever writes such a text to a terminal, a log, a table or a file makes it plain there, so that it is never a
control sequence or a line of its own. Replaced are C0 and C1, marks that turn the direction of writing, characters
without a width, and Unicode's own line ends."""

from __future__ import annotations

import json
import re

REPLACEMENT = "\ufffd"
TAB = 4
"""How many cells apart the stops of a tab are."""

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's categories Cc, Cf, Zl, Zp and Cs, and what it calls "default ignorable"."""
_IN_PROSE = frozenset("\n\t\u200c\u200d\ufe0e\ufe0f")
_MARKS = re.compile(f"([{''.join(sorted(_IN_PROSE))}])")
"""Line end and tab, what joins or parts letters and emoji, and whether an emoji has colours."""
_UNSEEN_IN_JSON = re.compile(f"(?!\n){_UNSEEN.pattern}")
"""Like _UNSEEN, without the line end, which in JSON can only stand between values."""


def plain(text: str) -> str:
    """Returns the text as one line of characters that are seen. Others become REPLACEMENT, spaces of any width a
    space."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_seen, text))


def header_text(text: str, most: int) -> str:
    """Returns the text as the value of a header: one line of at most `most` characters of ASCII, `?` for others."""
    return plain(" ".join(text.split())).encode("ascii", "replace").decode()[:most]


def plain_lines(text: str) -> str:
    """Returns a text of ours that may have several lines, each of them plain."""
    return "\n".join(map(plain, text.split("\n")))


def plain_prose(text: str) -> str:
    """Returns a text of several lines that people read, in which the marks stay that emoji and letters need, and tabs.
    They move no cursor."""
    return "".join(each if each in _IN_PROSE else plain(each) for each in _MARKS.split(text))


def plain_rows(text: str) -> list[str]:
    """Returns the lines of a text that people read, each plain. Tabs are spaces, so that code keeps its shape."""
    return [plain(each.expandtabs(TAB)) for each in text.replace("\r\n", "\n").split("\n")]


def plain_json(text: str) -> str:
    """Returns JSON of the same value, in which these characters are escaped."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _UNSEEN_IN_JSON.sub(_escaped, text)


def plain_json_line(line: bytes) -> bytes:
    """Returns the same for the bytes of one line."""
    return line if line.isascii() and b"\x7f" not in line else plain_json(line.decode()).encode()


def _seen(character: str) -> str:
    if _UNSEEN.match(character):
        return REPLACEMENT
    if character.isprintable():
        return character
    return " " if character.isspace() else REPLACEMENT


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code < 0x10000 else json.dumps(found[0])[1:-1]
