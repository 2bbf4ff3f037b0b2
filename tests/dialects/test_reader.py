"""What every reader of answers decides: what is decoded, how much is kept, and what is told of the rest."""

import pytest

from aigw.core.answer import ToolCall
from aigw.core.model import Chunk
from aigw.dialects.reader import KEPT_BYTES, MAX_PLAIN, AnswerReader, message_of
from aigw.dialects.sse import json_event


class Says(AnswerReader):
    """A dialect whose events have `text`, `call`, `end` and usage."""

    MARKS = (b'"end"',)

    def __init__(self, **how):
        super().__init__(**how)
        self.taken = []

    def take_event(self, body):
        self.taken.append(body)
        self.take_body(body)

    def take_body(self, body):
        self._usage.take(body)
        self._finish = body.get("end", self._finish)

    def gather(self, body):
        self.add_text(body.get("text"))
        self.add_reasoning(body.get("thought"))
        if "call" in body:
            self.add_call(0, **body["call"])

    @property
    def complete(self):
        return bool(self.finish)


def stream(*bodies):
    reader = Says(streaming=True)
    for body in bodies:
        reader.feed([json_event(body)])
    return reader


def plain(*pieces):
    reader = Says(streaming=False)
    for piece in pieces:
        reader.feed([Chunk(piece)])
    return reader


USAGE = {"usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}


def test_of_a_stream_only_what_may_tell_something_is_taken():
    reader = stream({"text": "a"}, {"text": "b", **USAGE}, {"end": "stop"}, {"text": "of usage"})
    assert reader.taken == [{"text": "b", **USAGE}, {"end": "stop"}]
    assert [chunk.json() for chunk in reader.telling] == reader.taken
    assert (reader.tokens.input, reader.finish, reader.complete) == (3, "stop", True)


@pytest.mark.parametrize(
    ("bodies", "id"),
    [
        ([{"id": "a", "text": "x"}, {"text": "y"}], "a"),
        ([{"id": "", "text": "x"}, {"id": "b", **USAGE}], "b"),
        ([{"text": "x"}, {"message": {"id": "c"}}, {"end": "stop"}], "c"),
        ([{"text": "x"}], None),
        ([], None),
    ],
)
def test_the_id_of_an_answer(bodies, id):
    """Events that tell something were decoded in any case."""
    assert stream(*bodies).id == id


def test_the_id_of_a_plain_answer():
    assert (plain(b'{"id":', b'"a"}').id, plain(b"{}").id, plain(b"").id) == ("a", None, None)


def test_texts_are_gathered_when_somebody_asks_and_go_on_where_they_were():
    reader = stream({"text": "a", "thought": "hm"}, {"text": ""}, {"text": 5})
    assert (reader.text, reader.reasoning) == ("a", "hm")
    reader.feed([json_event({"text": "b"})])
    assert (reader.text, reader.text) == ("ab", "ab")


def test_pieces_of_a_call_are_put_together():
    reader = stream(
        {"call": {"name": "find", "arguments": '{"q"', "id": "c"}},
        {"call": {"name": "", "arguments": ": 1}", "id": None}},
    )
    assert reader.calls == [ToolCall("find", '{"q": 1}', "c")]


@pytest.mark.parametrize("pieces", [(b'{"text": "a", "end": "stop"}',), (b'{"text": ', b'"a", "e', b'nd": "stop"}')])
def test_a_plain_body_is_read_whole_however_it_came(pieces):
    reader = plain(*pieces)
    assert (reader.text, reader.finish, reader.size) == ("a", "stop", 28)
    assert reader.text == "a"


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"end": "st'])
def test_a_body_that_is_no_object_tells_nothing(body):
    reader = plain(body)
    assert (reader.text, reader.finish, reader.tokens.source, reader.share) == ("", "", "absent", 1.0)


def test_of_a_long_stream_the_beginning_is_kept_and_the_rest_is_known_by_its_size():
    text = "x" * (KEPT_BYTES // 2)
    reader = stream({"text": text})
    for _ in range(3):
        reader.feed([json_event({"text": text})])
    reader.feed([json_event(USAGE)])
    assert reader.text == text, "the second one does not fit"
    assert reader.share == pytest.approx(4, rel=0.01)
    assert reader.tokens.input == 3, "usage is read all the same"


def test_a_plain_body_that_is_too_large_is_not_read():
    reader = Says(streaming=False)
    large = Chunk(b" " * (MAX_PLAIN - 10))
    reader.feed([large])
    reader.feed([Chunk(b'{"text": "a", "end": "stop"}')])
    assert (reader.text, reader.finish) == ("", "")
    assert reader.share > 1.0


@pytest.mark.parametrize(
    ("bodies", "model"),
    [
        ([{"model": "m-1"}, {"text": "a"}], "m-1"),
        ([{"model": "m-1"}, {"model": "m-2", **USAGE}], "m-2"),
        ([{"text": "a"}] * 20 + [{"model": "late"}], ""),
    ],
    ids=["the first events", "the one with usage", "nobody soon"],
)
def test_which_event_names_the_model(bodies, model):
    assert stream(*bodies).model == model


@pytest.mark.parametrize(
    ("error", "message"),
    [({"message": "no"}, "no"), ({"message": "", "code": "x"}, "x"), ({"type": "t"}, "t"), ("no", "no"), ({}, "error"),
     ({"message": {"a": 1}}, "error"), ("", "error"), (5, "error"), (None, "error")],
)  # fmt: skip
def test_what_an_error_says(error, message):
    assert message_of(error) == message
