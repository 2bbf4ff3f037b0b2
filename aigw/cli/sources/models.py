"""What is known of the models that clients can ask for: by the configuration, by the list of prices, and, if that is
wanted, by the providers' own lists.

Rule: without `live` nothing is asked of the network. What is not known is None, never a guess."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aigw.cli.sources.offers import Offer, offers
from aigw.cli.sources.provider_lists import asked_for_models
from aigw.config.load import Loaded
from aigw.dialects.model_list import entries_of
from aigw.pricing.known_models import KnownModel, ProviderModels, known_models
from aigw.pricing.prices import FREE, LOCAL, Price, Prices

_NUMBER = re.compile(r"\d+(?:[.-]\d{1,2}(?!\d))?")
_VERSION = 20.0
"""A larger number in a name is a size or a date."""


class Model(NamedTuple):
    """A model that clients can ask for. `aliases` are names and patterns by which clients may ask for it, too. `named`:
    the configuration has it, and not only a list."""

    name: str
    aliases: Sequence[str]
    context: int | None
    price: Price | None
    named: bool


class Models(NamedTuple):
    """The models of one provider. `fault` says why the provider did not list its models."""

    offer: Offer
    models: list[Model]
    fault: str = ""


async def models_of(loaded: Loaded, env: Mapping[str, str], wanted: str | None, *, live: bool) -> list[Models]:
    """Returns the models of each provider, or only of the provider `wanted`. Raises ValueError if there is no such
    provider."""
    found = offers(loaded)
    chosen = [each for each in found if wanted in (None, each.name, each.type)]
    if wanted is not None and not chosen:
        names = ", ".join(each.name for each in found) or "none"
        raise ValueError(f"there is no provider {wanted!r}; there are {names}")
    lists = await asyncio.gather(*(_listed(each, loaded, env, live=live) for each in chosen))
    asked = [ProviderModels(each.type, [*each.named, *names]) for each, (names, _) in zip(chosen, lists, strict=True)]
    known = await known_models(asked, time.time())
    prices = Prices(loaded.config.prices)
    return [
        Models(offer, _models(offer, models, names, prices), fault)
        for offer, models, (names, fault) in zip(chosen, known, lists, strict=True)
    ]


async def _listed(offer: Offer, loaded: Loaded, env: Mapping[str, str], *, live: bool) -> tuple[list[str], str]:
    """The names that a provider lists, and why it lists none."""
    if not live:
        return [], ""
    status, answer = await asked_for_models(offer.provider, loaded, env)
    entries = entries_of(answer) if status == 200 else None
    if entries is None:
        return [], f"does not list its models: {_error_message(answer) or f'status {status}'}"
    return [each["id"] for each in entries], ""


def _error_message(answer: Any) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def _models(offer: Offer, known: Sequence[KnownModel], listed: Sequence[str], prices: Prices) -> list[Model]:
    """Returns the models that the configuration names, in its order, and after them the others, the newest first as far
    as their names tell. If the provider has listed its models, the price list adds no further ones."""
    found = []
    for each in known:
        named = each.name in offer.named
        is_there = each.name in listed or (not listed and each.listed and offer.is_likely(each.name))
        if named or (is_there and offer.takes(each.name)):
            price = prices.override(each.name) or (FREE if offer.type in LOCAL else each.price)
            aliases = offer.named.get(each.name, [])
            found.append(Model(each.name, aliases, each.context, price, named))
    order = list(offer.named)
    return sorted(found, key=lambda each: (order.index(each.name) if each.named else len(order), *_newest(each.name)))


def _newest(name: str) -> tuple[float, str]:
    number = _NUMBER.search(name)
    version = float(number[0].replace("-", ".")) if number is not None else 0.0
    return (-version if version < _VERSION else 0.0), name
