"""Maps the model of a request to a model of the provider.

Order: the exact name wins, then the longest `prefix*`, then `~regex` in the order of the file, then `*`. Higress has no
order among prefixes and regular expressions; this order fits all of its documented examples. A key that begins with `~`
is always a regular expression."""

from __future__ import annotations

from collections.abc import Mapping

from aigw.higress.re2 import MAX_LENGTH, GoRegex

_REMEMBERED = 1024


class ModelMapping:
    def __init__(self, mapping: Mapping[str, str]) -> None:
        """Raises ValueError if a key is not a regular expression of Go. The message names the first such key."""
        self._exact = {key: target for key, target in mapping.items() if not is_pattern(key)}
        prefixes = [key for key in mapping if is_pattern(key) and key != "*" and not key.startswith("~")]
        self._prefixes = [(key[:-1], mapping[key]) for key in sorted(prefixes, key=len, reverse=True)]
        self._regexes = [(_compile(key), target) for key, target in mapping.items() if key.startswith("~")]
        self._default = mapping.get("*", "")
        self._known: dict[str, str] = {}

    def map(self, model: str) -> str:
        """Returns the model of the provider. If the target, or the result of a regular expression, is empty, the model
        is kept. A request without a model has the model "", and gets the target of `*`."""
        known = self._known.get(model)
        if known is None:
            known = self._target(model) or model
            if len(model) <= MAX_LENGTH:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[model] = known
        return known

    def _target(self, model: str) -> str:
        if model in self._exact:
            return self._exact[model]
        for prefix, target in self._prefixes:
            if model.startswith(prefix):
                return target
        if len(model) <= MAX_LENGTH:
            for regex, target in self._regexes:
                result = regex.replace_all(model, target)
                if result is not None:
                    return result
        return self._default


def is_pattern(key: str) -> bool:
    """Whether a key of a mapping is not the name of one model."""
    return key.startswith("~") or key.endswith("*")


def _compile(key: str) -> GoRegex:
    try:
        return GoRegex(key[1:])
    except ValueError as error:
        raise ValueError(f"'{key}' is not a regular expression that Go and aigw both read: {error}") from None
