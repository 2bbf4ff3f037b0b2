"""Looks up prices and models in the package genai-prices. It runs as its own program: it reads queries as JSON from
standard input, and writes an answer for each of them as JSON to standard output: a price (or null), or with the word
`models` behind the program what is known of a provider's models.

Rule: it imports nothing of aigw. The package loads pydantic and 1.6 MB of data as code, which takes half a second and
40 MB: not in the process that serves requests. The data is in the package; nothing is fetched."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from importlib.util import find_spec, module_from_spec
from typing import Any

if __name__ == "__main__" and (found := find_spec("genai_prices")) is not None:
    # Without what the package itself begins with, a client that fetches newer prices, it takes 140 instead of 190 ms;
    # what it makes, it keeps to its end: without a look for garbage, 120.
    sys.modules["genai_prices"] = module_from_spec(found)
    gc.disable()

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, Provider, StartDateConstraint, TieredPrices, TimeOfDateConstraint

RATES = {
    "input": "input_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "output": "output_mtok",
    "reasoning": "output_reasoning_mtok",
    "input_audio": "input_audio_mtok",
    "input_image": "input_image_mtok",
    "output_audio": "output_audio_mtok",
    "output_image": "output_image_mtok",
}


def look_up(provider: str, url: str, model: str, tier: str, at: float) -> dict[str, Any] | None:
    """The price of `model` at the time `at`, None if it is unknown. `aigw.pricing.prices.Price` describes its fields.
    Without a provider it is the price of the vendor of the model."""
    found = _find(provider, url, model)
    return _price_of(found, tier, at) if found is not None else None


def look_up_models(provider: str, url: str, named: list[str], at: float) -> list[dict[str, Any]]:
    """The models that the list of this provider has and that are still offered, and those named.
    `aigw.pricing.known_models.KnownModel` describes the fields of each."""
    place = next(_places(provider, url), None)
    listed = {each.id: each for each in (place.models if place is not None else ()) if _is_offered(each)}
    found = {name: _find(provider, url, name) for name in named} | listed
    return [
        {
            "name": name,
            "context": model.context_window if model is not None else None,
            "price": _price_of(model, "", at) if model is not None else None,
            "listed": name in listed,
        }
        for name, model in found.items()
    ]


def _is_offered(model: ModelInfo) -> bool:
    """Whether it can be asked for by its id: some stand for all names that begin so."""
    return not model.deprecated and not model.id.endswith("-") and not model.id.startswith("ft:")


def _price_of(found: ModelInfo, tier: str, at: float) -> dict[str, Any] | None:
    now = datetime.fromtimestamp(at, UTC)
    prices = found.get_prices(now, {"service_tier": tier} if tier else None)
    steps = {name: _steps(getattr(prices, key)) for name, key in RATES.items() if getattr(prices, key) is not None}
    if "input" not in steps:
        return None
    per_request = _steps(getattr(prices, "requests_kcount", None) or Decimal(0))[0][1] / 1000
    since, until = _validity(found, now)
    return {"steps": steps, "request": per_request, "since": since, "until": until}


def _find(provider: str, url: str, model: str) -> ModelInfo | None:
    for place in _places(provider, url) if provider else (None,):
        try:
            return get_snapshot().find_provider_model(model, place, None, None)[1]
        except LookupError:
            continue
    return None


def _places(provider: str, url: str) -> Iterator[Provider]:
    """The providers with this address, which is unambiguous, or else with this name."""
    for by in ({"provider_id": None, "provider_api_url": url}, {"provider_id": provider, "provider_api_url": None}):
        if any(by.values()):
            try:
                yield get_snapshot().find_provider(None, **by)
            except LookupError:
                continue


def _steps(price: Decimal | TieredPrices) -> list[tuple[int, float]]:
    """Pairs from the lowest on: above how many input tokens, and USD per million tokens."""
    if isinstance(price, TieredPrices):
        return [(-1, float(price.base)), *((tier.start, float(tier.price)) for tier in price.tiers)]
    return [(-1, float(price))]


def _validity(model: ModelInfo, now: datetime) -> tuple[float, float | None]:
    """Returns from when to when the price stays the same, in seconds since 1970. None means for ever."""
    conditional = model.prices if isinstance(model.prices, list) else []
    constraints = [each.constraint for each in (*conditional, *(model.price_variants or ()))]
    changes = sorted(set(_changes(constraints, now)))
    before = [change for change in changes if change <= now.timestamp()]
    after = [change for change in changes if change > now.timestamp()]
    return (before[-1] if before else 0.0), (after[0] if after else None)


def _changes(
    constraints: Iterable[StartDateConstraint | TimeOfDateConstraint | None], now: datetime
) -> Iterator[float]:
    for constraint in constraints:
        if isinstance(constraint, StartDateConstraint):
            yield datetime.combine(constraint.start_date, time(), UTC).timestamp()
        elif isinstance(constraint, TimeOfDateConstraint):
            for days in (-1, 0, 1):
                for hour in (constraint.start_time, constraint.end_time):
                    day = now.date() + timedelta(days=days)
                    yield datetime.combine(day, hour, hour.tzinfo or UTC).timestamp()


if __name__ == "__main__":
    answers: list[Any] = []
    answer = look_up_models if sys.argv[1:] == ["models"] else look_up
    for asked in json.load(sys.stdin):
        try:
            answers.append(answer(**asked))
        except Exception as error:  # noqa: BLE001  the other prices do not depend on this one
            answers.append(None)
            print(f"{asked}: {type(error).__name__}: {error}", file=sys.stderr)
    json.dump(answers, sys.stdout)
