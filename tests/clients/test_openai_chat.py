"""What is asked, and the text in the answer."""

import pytest

from aigw.clients.callout import CalloutError
from aigw.clients.openai_chat import chat_body, text_in


def test_what_is_asked():
    assert chat_body("m", "q") == {"model": "m", "messages": [{"role": "user", "content": "q"}]}


def test_the_text():
    assert text_in({"choices": [{"message": {"content": "a"}}, {"message": {"content": "b"}}]}) == "a"


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"choices": []}, {"choices": [{}]}, {"choices": [{"message": {"content": None}}]}]
)
def test_there_is_none(answer):
    with pytest.raises(CalloutError, match="no chat completion"):
        text_in(answer)
