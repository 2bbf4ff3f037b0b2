"""aigw/traffic/writing/message.py: what is written is read, however large it is, and large bodies are not copied."""

import io

import pytest
from recorded_calls import chat_call, said, user

from aigw.core.pace import LARGE
from aigw.traffic.format.call import Answered, plain
from aigw.traffic.writing.message import framed, framed_in, read, written

CALL = chat_call(user("hi"))
BODY = b"x" * (LARGE + 1)


def sized(call, sent, client):
    client = None if client is None else (call.client or call.sent)._replace(body=client)
    return call._replace(sent=call.sent._replace(body=sent), client=client)


@pytest.mark.parametrize(
    ("what", "pieces"),
    [
        ("a secret", 1),
        (CALL, 1),
        (said("yo"), 1),
        (sized(CALL, BODY, BODY), 2),
        (sized(CALL, BODY, b"other"), 3),
        (sized(CALL, BODY, None), 2),
        (sized(CALL, BODY, BODY)._replace(sent=CALL.sent._replace(body=BODY, headers=(("a", "\udcff"),))), 2),
        (Answered(200, (), [(0.1, b"a"), (0.2, BODY)], whole=True, size=LARGE + 2), 3),
    ],
)
def test_what_is_written_is_read(what, pieces):
    message = written(7, what)
    assert len(message) == pieces
    assert all(any(piece is body for body in (BODY, b"a", b"other")) for piece in message[1:])
    data = b"".join(message)
    number, found = read(io.BytesIO(data))
    assert (number, found) == (7, plain(what))
    assert read(io.BytesIO(data[:-1])) is None, "half a message"


def test_the_end():
    assert read(io.BytesIO()) is None
    assert framed_in(io.BytesIO(framed(b"settings"))) == b"settings"
