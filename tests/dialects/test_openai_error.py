"""An error in OpenAI's shape: all four members are there, and any message can be written."""

import json

from hypothesis import given
from hypothesis import strategies as st

from aigw.core.errors import GatewayError
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
