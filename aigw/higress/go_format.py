"""Go's fmt.Sprintf, for texts that are put into a template that a configuration has."""

from __future__ import annotations

import re

_VERB = re.compile(r"%(.?)", re.DOTALL)


def sprintf(template: str, *texts: str) -> str:
    """Fills `%s` and `%v` in order. As in Go, the result says what does not fit: a verb for another type, a text that
    is missing, and texts that are left over."""
    left = list(texts)

    def fill(found: re.Match[str]) -> str:
        verb = found[1]
        if verb == "%":
            return "%"
        if not verb:
            return "%!(NOVERB)"
        if not left:
            return f"%!{verb}(MISSING)"
        text = left.pop(0)
        return text if verb in "sv" else f"%!{verb}(string={text})"

    filled = _VERB.sub(fill, template)
    return filled + f"%!(EXTRA {', '.join(f'string={text}' for text in left)})" if left else filled
