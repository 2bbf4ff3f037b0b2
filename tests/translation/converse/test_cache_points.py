"""Where Bedrock shall cache prompts by itself."""

import pytest

from aigw.translation.converse.cache_points import add_cache_points, lifetime_of, positions_of
from aigw.translation.rules import Rules

NOVA = "us.amazon.nova-lite-v1:0"
POINT = {"cachePoint": {"type": "default"}}


def told(*texts):
    return [{"text": text} for text in texts]


def body():
    said = [("user", "a"), ("assistant", "b"), ("user", "c")]
    return {"system": told("S"), "messages": [{"role": role, "content": told(text)} for role, text in said]}


def test_the_words_of_the_configuration():
    assert [lifetime_of(each) for each in ("", "in_memory", " In-Memory", "inmemory", "24h")] == ["", "", "", "", "1h"]
    assert positions_of({}) == ("system",)
    assert positions_of({"system_prompt": False, "LASTUSERMESSAGE": True, "last-message": True}) == (
        "last user message", "last message",
    )  # fmt: skip
    for wrong in (lambda: lifetime_of("1h"), lambda: positions_of({"end": True})):
        with pytest.raises(ValueError, match="is n"):
            wrong()


def test_each_place_gets_one():
    written = body()
    rules = Rules(cache_points=("system", "last user message", "last message"), cache_lifetime="1h")
    add_cache_points(written, NOVA, rules)
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert written["system"] == [*told("S"), point]
    assert [message["content"] for message in written["messages"]] == [told("a"), told("b"), [*told("c"), point]]


@pytest.mark.parametrize(("model", "positions"), [("meta.llama3-70b", ("system",)), (NOVA, ())])
def test_who_gets_none(model, positions):
    written = body()
    add_cache_points(written, model, Rules(cache_points=positions))
    assert written == body()


def test_the_clients_own_marks_come_first():
    written = body()
    written["system"].append(POINT)
    written["messages"][0]["content"] += [POINT, *told("x"), POINT, *told("y"), POINT]
    before = repr(written)
    add_cache_points(written, NOVA, Rules(cache_points=("system", "last message")))
    assert repr(written) == before
