"""What is known of a prompt is the sum of what was told of it."""

import pytest

from aigw.core.tokens import Tokens


@pytest.mark.parametrize(
    ("tokens", "prompt"),
    [
        (Tokens(), None),
        (Tokens(output=5), None),
        (Tokens(input=0), 0),
        (Tokens(cache_read=4), 4),
        (Tokens(input=1, cache_read=2, cache_write=4, output=8, reasoning=16), 7),
    ],
)
def test_the_prompt(tokens, prompt):
    assert tokens.prompt == prompt
