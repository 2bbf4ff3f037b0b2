"""A chat is written so that its own dialect reads the same."""

from multidict import CIMultiDict

from aigw.core.model import Request
from aigw.dialects import apis
from aigw.dialects.chat_request import Said, chat_after
from aigw.dialects.json_values import encoded
from aigw.dialects.table import dialect_of

JSON = CIMultiDict({"content-type": "application/json"})
PICTURE = "data:image/png;base64,AA=="


def test_what_was_said_is_read_again():
    said = [
        Said("system", "Be brief."),
        Said("user", "Hi"),
        Said("assistant", "Hello!"),
        Said("user", "And?", [PICTURE]),
    ]
    request = Request("POST", apis.PATHS[apis.CHAT], "", JSON, encoded(chat_after("m", said)))
    asked = dialect_of(apis.CHAT).asked(request, apis.CHAT)
    assert asked.model == "m"
    assert [(turn.role, turn.text) for turn in asked.turns] == [(each.role, each.text) for each in said]
    assert list(asked.images) == [PICTURE]


def test_a_picture_alone():
    (message,) = chat_after("m", [Said("user", "", [PICTURE])])["messages"]
    assert message["content"] == [{"type": "image_url", "image_url": {"url": PICTURE}}]
