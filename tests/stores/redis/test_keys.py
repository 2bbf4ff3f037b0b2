"""Keys as Redis has them, and where what they hold stands: on the same server of a cluster, by the rule of Redis itself."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from redis.crc import key_slot

from aigw.stores.redis.keys import RedisKeys

ANY_TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from("{}"), min_size=1)


@given(ANY_TEXT)
@example("chat_quota:a}b")
@example("{}a")
@example("a{}{b}")
@settings(deadline=None)
def test_what_is_held_is_on_the_server_of_its_key(key):
    keys = RedisKeys("p:")
    encoded = keys.encode(key)
    assert key_slot(keys.held(encoded)) == key_slot(encoded)
    assert keys.held(encoded) != encoded


@given(ANY_TEXT, ANY_TEXT)
def test_no_two_keys_hold_in_the_same_place(one, other):
    keys = RedisKeys("p:")
    same = keys.held(keys.encode(one)) == keys.held(keys.encode(other))
    assert same == (one == other)


@pytest.mark.parametrize("prefix", ["a", "a*", "a?", "[a]", "a\\", "a^-b", ""])
async def test_keys_are_found_by_their_beginning_whatever_is_in_it(stores, prefix):
    others = ("a", "ab", "a*b", "a?b", "[a]b", "a\\b", "a^-bc", "b", "b\ud800")
    for key in others:
        await stores.kv().put(key, b"")
    assert {key async for key in stores.kv().keys(prefix)} == {key for key in others if key.startswith(prefix)}
