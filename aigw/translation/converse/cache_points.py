"""The points behind which Bedrock caches a prompt, as `promptCacheRetention` and `bedrockPromptCachePointPositions`
ask for them. The names of the positions and the models are those of Higress's ai-proxy."""

from __future__ import annotations

from collections.abc import Mapping

from aigw.dialects.json_values import Json
from aigw.translation.rules import Rules, matches

CACHE_POINT: Json = {"cachePoint": {"type": "default"}}
MOST_CACHE_POINTS = 4
_CACHING = ("*amazon.nova*", "*anthropic.claude*")
_LIFETIMES = {"": "", "in_memory": "", "24h": "1h"}
_POSITIONS = {"systemprompt": "system", "lastusermessage": "last user message", "lastmessage": "last message"}


def lifetime_of(retention: str) -> str:
    """Returns how long Bedrock shall keep a prompt. Raises ValueError for a retention that is not known."""
    name = retention.strip().lower().replace("-", "_").replace(" ", "_")
    lifetime = _LIFETIMES.get("in_memory" if name == "inmemory" else name)
    if lifetime is None:
        raise ValueError(f"{retention!r} is neither in_memory nor 24h")
    return lifetime


def positions_of(chosen: Mapping[str, bool]) -> tuple[str, ...]:
    """Returns the positions that are switched on: behind the system text if none is named. Raises ValueError for one
    that does not exist."""
    positions = {name: _POSITIONS.get(name.lower().replace("_", "").replace("-", "")) for name in chosen}
    if unknown := [name for name, position in positions.items() if position is None]:
        raise ValueError(f"{unknown[0]!r} is none of systemPrompt, lastUserMessage, lastMessage")
    if not chosen:
        return ("system",)
    return tuple(position for name, position in positions.items() if position and chosen[name])


def add_cache_points(body: Json, model: str, rules: Rules) -> None:
    """Adds points to a request that has none of the client's own there, as long as it has fewer than four."""
    if not rules.cache_points or not matches(model.lower(), _CACHING):
        return
    lifetime = {"ttl": rules.cache_lifetime} if rules.cache_lifetime else {}
    point = {"cachePoint": {**CACHE_POINT["cachePoint"], **lifetime}}
    for blocks in _places(body, rules.cache_points):
        if blocks and "cachePoint" not in blocks[-1] and _count(body) < MOST_CACHE_POINTS:
            blocks.append(point)


def _places(body: Json, positions: tuple[str, ...]) -> list[list[Json]]:
    messages: list[Json] = body["messages"]
    users = [message for message in messages if message["role"] == "user"]
    ends = {
        "system": body.get("system"),
        "last user message": users[-1]["content"] if users else None,
        "last message": messages[-1]["content"] if messages else None,
    }
    return [blocks for position, blocks in ends.items() if position in positions and blocks]


def _count(body: Json) -> int:
    said = [block for message in body["messages"] for block in message["content"]]
    blocks = [*body.get("system", ()), *body.get("toolConfig", {}).get("tools", ()), *said]
    return sum("cachePoint" in block for block in blocks)
