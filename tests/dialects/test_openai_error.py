"""An error in OpenAI's shape: all four members are there, and any message can be written."""

import json

from hypothesis import given
from hypothesis import strategies as st

from aigw.core.errors import ContextTooLongError, GatewayError
from aigw.core.redaction import shown
from aigw.dialects.openai_error import error_body, error_event
from aigw.dialects.sse import EventSplitter

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT, st.none() | st.text(), st.none() | st.text())
def test_any_message_can_be_written(message, code, param):
    error = GatewayError(400, message, code=code, param=param)
    said = json.loads(error_body(error))["error"]
    assert said | {"message": ""} == {
        "message": "",
        "type": "invalid_request_error",
        "code": code and shown(code),
        "param": param and shown(param),
    }
    assert said["message"] == shown(message)
    (event,) = EventSplitter().feed(error_event(error))
    assert event.data == error_body(error)


def test_a_conversation_that_is_too_long_is_told_in_openais_words():
    """LiteLLM and aider know it by them alone."""
    for error, begins in (
        (
            ContextTooLongError(400, 9, 8, said="prompt is too long"),
            "This model's maximum context length is 8 tokens. pr",
        ),
        (ContextTooLongError(400, 0, 0, said="it does not fit"), "This model's maximum context length is exceeded. it"),
        (ContextTooLongError(400, 9, 8), "This model's maximum context length is 8 tokens. Your request"),
        (ContextTooLongError(400, 0, 0, said="the maximum context length is 5"), "the maximum"),
    ):
        told = json.loads(error_body(error))["error"]
        assert told["message"].startswith(begins)
        assert told["code"] == "context_length_exceeded"
