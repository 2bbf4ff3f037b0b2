import pytest

from aigw.higress.conversation import user_contents


def test_what_the_user_said_and_where():
    turns = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "a"},
        "x",
        {"role": "user", "content": [1]},
    ]
    assert list(user_contents({"messages": turns})) == [("messages.1.content", "a"), ("messages.3.content", [1])]


@pytest.mark.parametrize("body", [None, [], "a", {}, {"messages": 5}, {"messages": [5, None]}, {"messages": [{}]}])
def test_nobody_said_anything(body):
    assert list(user_contents(body)) == []
