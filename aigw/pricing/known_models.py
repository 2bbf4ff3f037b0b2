"""What the list of prices knows of the models of providers: their names, prices and context windows. It comes with the
installation, so newer models are not in it; nothing is fetched."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from aigw.pricing.prices import Price, run_pricebook, url_of

_log = logging.getLogger("aigw")


class KnownModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model and its prices. `context` is how many tokens a request and its answer may have together. `listed`: the
    price list has it for this provider, under this name. Unknown values are None."""

    name: str
    context: int | None = None
    price: Price | None = None
    listed: bool = False


class ProviderModels(NamedTuple):
    """The models of a provider about which the price list is asked. `provider` is a type of the catalog. `named` are
    models of which more is to be known, listed or not."""

    provider: str
    named: Sequence[str]


async def known_models(wanted: Sequence[ProviderModels], at: float) -> list[list[KnownModel]]:
    """Returns the models of each provider. `at` is the time of the prices (seconds since 1970). If the price list does
    not answer, only the named models are returned, without further values, and the log says why."""
    asked = [
        {"provider": each.provider, "url": url_of(each.provider), "named": [*each.named], "at": at} for each in wanted
    ]
    try:
        code, output, errors = await run_pricebook(json.dumps(asked).encode(), "models")
        if code == 0:
            if errors:
                _log.warning("prices are unknown: %s", errors.decode(errors="replace").strip())
            found = msgspec.json.decode(output, type=list[list[KnownModel] | None])
            return [
                models if models is not None else _unknown(each) for models, each in zip(found, wanted, strict=True)
            ]
        reason = errors.decode(errors="replace").strip().rpartition("\n")[2] or f"exit code {code}"
    except (OSError, msgspec.DecodeError) as error:
        reason = type(error).__name__
    _log.warning("prices are unknown: %s", reason)
    return [_unknown(each) for each in wanted]


def _unknown(wanted: ProviderModels) -> list[KnownModel]:
    return [KnownModel(name=name) for name in wanted.named]
