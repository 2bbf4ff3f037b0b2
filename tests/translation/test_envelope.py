"""Only its maker gets an opaque state back."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.translation.envelope import MARK, is_sealed, opened, sealed


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_maker_gets_what_it_made(state):
    envelope = sealed("deepseek", state)
    assert (opened(envelope, "deepseek"), opened(envelope, "gemini")) == (state, None)


@given(st.text(max_size=40))
def test_a_client_may_decode_and_encode_it_in_either_alphabet(state):
    envelope = sealed("gemini", state)
    again = base64.urlsafe_b64encode(base64.b64decode(envelope)).decode().rstrip("=")
    assert opened(again, "gemini") == opened(envelope, "gemini")


@pytest.mark.parametrize("state", ["", "EqQBCgIYAhIM", "aigw1:x", MARK, MARK + "!", MARK + "Zm9v"])
def test_what_is_not_ours_is_not_opened(state):
    assert opened(state, "deepseek") is None


def test_an_envelope_is_known_by_its_beginning():
    assert is_sealed(sealed("x")) and not is_sealed("x")
