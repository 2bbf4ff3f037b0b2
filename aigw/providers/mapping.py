"""Model mapping: which model of the provider stands for the one that was asked for.

Order: the exact name, then the longest `prefix*`, then `~regex` in file order, then `*`. Higress has
no order among prefixes and regular expressions; this one is compatible with every documented example. A key that begins
with `~` is only that."""

from __future__ import annotations

from collections.abc import Mapping

from aigw.higress.re2 import MAX_LENGTH, GoRegex

_REMEMBERED = 1024


class ModelMapping:
    def __init__(self, mapping: Mapping[str, str]) -> None:
        """Raises ValueError naming the first key that is not a regular expression of Go's."""
        self._exact = {key: target for key, target in mapping.items() if not _is_pattern(key)}
        prefixes = [key for key in mapping if _is_pattern(key) and key != "*" and not key.startswith("~")]
        self._prefixes = [(key[:-1], mapping[key]) for key in sorted(prefixes, key=len, reverse=True)]
        self._regexes = [(_compile(key), target) for key, target in mapping.items() if key.startswith("~")]
        self._default = mapping.get("*", "")
        self._known: dict[str, str] = {}

    def map(self, model: str) -> str:
        """The provider's model. A target, or the result of a regular expression, that is empty keeps the model.
        A request without a model is one for "" and gets the target of `*`."""
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


def _is_pattern(key: str) -> bool:
    return key.startswith("~") or key.endswith("*")


def _compile(key: str) -> GoRegex:
    try:
        return GoRegex(key[1:])
    except ValueError as error:
        raise ValueError(f"'{key}' is not a regular expression that Go and aigw both read: {error}") from None
