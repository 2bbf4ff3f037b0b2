"""Makes the canonical form of a request, and its key: two requests have the same key if they differ only in values that
the rules declare volatile.

Rule: JSON is compared by value, so the order of keys, white space and the way in which a number is written do not
matter. A form is compared by its parts, so its boundary does not matter. What cannot be read is compared by its
bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from functools import partial
from hashlib import blake2b, sha256
from operator import itemgetter
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import msgspec

from aigw.core.document import decoded
from aigw.core.headers import CREDENTIAL_PARAMETERS
from aigw.core.secrets import names_secret
from aigw.traffic.format.recording import Blob, Part, SentRequest, data_of
from aigw.traffic.volatility.rules import Numbers, Rules

ANSWERING_HEADERS = (
    "anthropic-beta", "anthropic-version", "openai-beta", "x-dashscope-sse", "range", "if-none-match",
    "if-modified-since",
)  # fmt: skip
"""The headers that may change an answer."""
_EVENTS = "text/event-stream"
"""DashScope and others stream if `Accept` names this. What else stands there differs from client to client."""
_EXACT_DIGITS = 15
"""Numbers with so many digits are different if their doubles are."""
_MOST_DIGITS = 4000
"""Whole numbers with more digits that are written with an exponent are compared as they are written."""


class Canonical(NamedTuple):
    """A canonical form and its key. `key` has 32 hex digits. `value` is JSON: `method`, `path`, `query`, `service`,
    `headers`, and the body in one of `body` (JSON), `form`, `text` and `sha256`."""

    key: str
    value: dict[str, Any]


def canonical(request: SentRequest, service: str, rules: Rules) -> Canonical:
    """Returns the canonical form of a request to a service (see `Source.service`). It never fails."""
    numbers = Numbers()
    name, body = _body(request, rules, numbers)
    value = {
        "method": request.method,
        "path": rules.text(request.path, numbers),
        "query": _by_name((each, rules.text(text, numbers)) for each, text in _query(request.query)),
        "service": service,
        "headers": _headers(request.headers),
        name: body,
    }
    return Canonical(key_of(value), value)


def key_of(value: dict[str, Any]) -> str:
    """Returns the key of the `value` of a canonical form."""
    try:
        written = _encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair
        written = json.dumps(value, sort_keys=True).encode()
    return blake2b(written, digest_size=16).hexdigest()


def _headers(sent: Mapping[str, str]) -> dict[str, str]:
    found = {each: _listed(sent[each]) for each in ANSWERING_HEADERS if each in sent}
    return {**found, "accept": _EVENTS} if _EVENTS in sent.get("accept", "") else found


def _body(request: SentRequest, rules: Rules, numbers: Numbers) -> tuple[str, Any]:
    if isinstance(request.json, msgspec.Raw):
        try:
            return "body", rules.applied(decoded(bytes(request.json), _decode, _lenient), numbers)
        except ValueError:
            return "sha256", sha256(request.json).hexdigest()
    if request.form:
        return "form", rules.applied(_by_name((part.name, _part(part)) for part in request.form), numbers)
    if request.body is not None:
        return "sha256", _digest(request.body)
    return "text", rules.text(request.text, numbers)


def _part(part: Part) -> Any:
    if not part.filename and not part.sha256:
        return part.text
    return {"filename": part.filename, "type": part.content_type, "sha256": part.sha256, "size": part.size}


def _query(query: str) -> list[tuple[str, str]]:
    """Returns the parameters of a query that are no credentials, by their names."""
    pairs = [(unquote_plus(name), unquote_plus(value)) for name, value in _pairs(query)]
    shown = [pair for pair in pairs if pair[0].lower() not in CREDENTIAL_PARAMETERS and not names_secret(pair[0])]
    return sorted(shown, key=itemgetter(0))


def _pairs(query: str) -> list[list[str]]:
    return [[*pair.split("=", 1), ""][:2] for pair in query.split("&") if pair]


def _by_name(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Returns the values by their names, a list where a name stands several times."""
    found: dict[str, list[Any]] = {}
    for name, value in values:
        found.setdefault(name, []).append(value)
    return {name: each[0] if len(each) == 1 else each for name, each in found.items()}


def _digest(blob: Blob) -> str:
    try:
        return blob.sha256 or sha256(data_of(blob)).hexdigest()
    except ValueError:
        return sha256(blob.base64.encode()).hexdigest()


def _listed(value: str) -> str:
    """Returns a header that is a list, in which the order means nothing."""
    return ", ".join(sorted(item.strip() for item in value.split(",")))


def _number(text: str) -> Any:
    """Returns the value of a number that is written with a fraction or an exponent: an int, a float, or a text if it is
    neither exactly."""
    if len(text) <= _EXACT_DIGITS and "e" not in text and "E" not in text:
        number = float(text)
        return int(number) if number.is_integer() else number
    try:
        exact = Decimal(text)
    except InvalidOperation:  # its exponent has too many digits
        return f"<number {text}>"
    if not exact:
        return 0
    if exact.adjusted() < _MOST_DIGITS and exact == exact.to_integral_value():
        return int(exact)
    number = float(exact)
    if math.isfinite(number) and Decimal(repr(number)) == exact:
        return number
    return f"<number {exact.normalize(Context(prec=len(text), Emax=MAX_EMAX, Emin=MIN_EMIN))}>"


def _constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


_decode = msgspec.json.Decoder(float_hook=_number).decode
_lenient = partial(json.loads, parse_float=_number, parse_constant=_constant)
_encode = msgspec.json.Encoder(order="sorted").encode
