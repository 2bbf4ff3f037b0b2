"""Keys of several services in one store: they come back as they were, and never get in each other's way."""

from hypothesis import given
from hypothesis import strategies as st

from aigw.stores.namespace import Namespace

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)


@given(ANY_TEXT)
def test_a_key_comes_back(key):
    space = Namespace("redis.static:80/0")
    assert space.decode(space.encode(key)) == key


@given(ANY_TEXT, ANY_TEXT)
def test_a_span_has_the_keys_with_its_prefix_and_no_others(prefix, key):
    space = Namespace("a")
    first, behind = space.span(prefix)
    assert (first <= space.encode(key) < behind) == key.startswith(prefix)


def test_a_service_whose_name_begins_like_another_is_apart():
    first, behind = Namespace("a:1/0").span("")
    assert not first <= Namespace("a:1/01").encode("") < behind
