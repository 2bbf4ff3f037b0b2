"""Checks values against a JSON Schema, with jsonschema, which is imported here and nowhere else.

Rule: nothing is fetched, and a value cannot make it slow: patterns run on RE2, and the same items of an array are found
by their hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from aigw.guard.engine import compiled, occurs

DEEPEST = 6
"""Higress does not check with a schema that is nested deeper."""


class SchemaProblemError(ValueError):
    """The schema cannot be used. `path` leads to the mistake in it."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class JsonSchema:
    def __init__(self, schema: Any, *, swagger: bool = False) -> None:
        """Without `$schema`, the schema is of draft 7, or with `swagger` of draft 4. Raises SchemaProblemError."""
        import jsonschema
        from jsonschema.validators import extend, validator_for
        from referencing import Registry

        usual = jsonschema.Draft4Validator if swagger else jsonschema.Draft7Validator
        draft: Any = validator_for(schema, default=usual)
        try:
            draft.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise SchemaProblemError(error.message, tuple(error.absolute_path)) from None
        for path, problem in _unusable(schema):
            raise SchemaProblemError(problem, path)
        checks = {"pattern": _pattern, "patternProperties": _pattern_properties, "uniqueItems": _unique_items}
        self._validator = extend(draft, checks)(schema, registry=Registry())

    def problem(self, value: Any) -> str:
        """Says where the value does not match and why; "" if it matches."""
        from jsonschema.exceptions import best_match

        try:
            error = best_match(self._validator.iter_errors(value))
        except RecursionError:
            return "it is nested too deeply"
        return "" if error is None else f"{error.json_path}: {error.message[:500]}"


def depth_of(value: Any) -> int:
    """Returns how deep objects and arrays are nested, counting the values in them."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        value, depth = waiting.pop()
        deepest = max(deepest, depth)
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(each, depth + 1) for each in inner]
    return deepest


def _unusable(schema: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yields what the drafts allow and is not used here, with its path."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), schema)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, list):
            waiting += [((*path, index), item) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            continue
        waiting += [((*path, name), item) for name, item in value.items()]
        if isinstance(ref := value.get("$ref"), str) and not ref.startswith("#"):
            yield (*path, "$ref"), f"{ref!r} leads out of the schema; nothing is fetched"
        patterns = value.get("patternProperties")
        texts = [value.get("pattern"), *(patterns if isinstance(patterns, dict) else ())]
        for text in texts:
            try:
                if isinstance(text, str):
                    compiled(text)
            except ValueError as error:
                yield (*path, "pattern"), f"{text!r} is no pattern that takes linear time (RE2): {error}"


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if validator.is_type(value, "string") and not _occurs(pattern, value):
        yield ValidationError(f"{value[:80]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        for pattern, inner in patterns.items():
            for name, item in value.items():
                if _occurs(pattern, name):
                    yield from validator.descend(item, inner, path=name, schema_path=pattern)


def _occurs(pattern: str, text: str) -> bool:
    return occurs(pattern, text.encode("utf-8", "replace").decode())  # RE2 knows no half of a surrogate pair


def _unique_items(validator: Any, unique: Any, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not unique or not validator.is_type(value, "array"):
        return
    if len({json.dumps(_comparable(item), sort_keys=True) for item in value}) < len(value):
        yield ValidationError("two items are the same")


def _comparable(value: Any) -> Any:
    """Returns the value with numbers that are equal in one form: 1.0 is 1."""
    if isinstance(value, dict):
        return {name: _comparable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
