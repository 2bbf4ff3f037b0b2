"""aigw/traffic/format/redacting.py: what counts as a secret later is taken out of recordings that are there."""

import json

import pytest
from recorded_calls import END, chat_call, delta, said, streamed, user, written

from aigw.higress.re2 import GoRegex
from aigw.traffic.format.building import LeakError
from aigw.traffic.format.contents import pieces_of
from aigw.traffic.format.redacting import redacted

NAME = "001-01-chat.json"


def clean(folder, *patterns, secrets=()):
    """The recording without secrets, written and read again; None if there were none."""
    found = redacted(folder.read(NAME), folder, NAME, secrets=secrets, patterns=[GoRegex.longest(p) for p in patterns])
    if found is None:
        return None
    folder.write(NAME, *found)
    return folder.read(NAME)


def text_of(folder):
    return (folder.path / NAME).read_text()


@pytest.mark.parametrize(
    "answer", [said("yo"), streamed(delta("yo"), *END), said("x" * 300_000)], ids=["plain", "stream", "large"]
)
def test_without_a_secret_nothing_changes(tmp_path, answer):
    folder = written(tmp_path, (chat_call(user("hi"), tools=[], top_p=1.0), answer))
    assert clean(folder, "nothing of the kind") is None


def test_a_secret_of_the_configuration(tmp_path):
    folder = written(tmp_path, (chat_call(user("my pass phrase is open-sesame-42")), said("open-sesame-42, aha")))
    before = folder.read(NAME)
    after = clean(folder, secrets=["open-sesame-42"])
    assert "open-sesame-42" not in text_of(folder)
    assert (after.answer.text, after.redacted) == (["***, aha"], True)
    assert (after.session, after.source, after.end) == (before.session, before.source, before.end)
    assert after.key == "", "it is made again from the request without the secret, as that of a replay is"
    assert [at for at, _ in after.pieces] == [at for at, _ in before.pieces]
    assert clean(folder, secrets=["open-sesame-42"]) is None


def test_a_pattern_sees_values_and_not_their_escapes(tmp_path):
    folder = written(tmp_path, (chat_call(user('Müller said "acct 12-34", role: user')), said("Acct 12-35 it is")))
    raw = text_of(folder).replace("Müller", "M\\u00fcller")
    (folder.path / NAME).write_text(raw)
    after = clean(folder, r"(?i)acct \d+-\d+", "Müller", ".*role: u", "content")
    body = json.loads(bytes(after.request.json))
    assert body["messages"] == [{"role": "user", "content": "***ser"}], "names of fields stay"
    assert after.answer.text == ["*** it is"]


def test_events_keep_their_times(tmp_path):
    folder = written(tmp_path, (chat_call(user("hi")), streamed(delta("call 555-0100"), delta("now"), *END)))
    before = folder.read(NAME)
    after = clean(folder, r"555-\d{4}")
    assert after.key == before.key, "a replay does not know the pattern"
    assert after.answer.text == ["call ***now"]
    assert [at for at, _ in after.pieces] == [10.0, 20.0, 30.0, 40.0]


def test_a_side_file(tmp_path):
    folder = written(tmp_path, (chat_call(user("hi")), said("x " * 200_000 + "acct 12-34")))
    after = clean(folder, r"acct \d+-\d+")
    (piece,) = pieces_of(after, folder, NAME)
    assert b"x ***" in piece[1]
    assert b"12-34" not in (folder.path / "001-01-chat.answer.bin").read_bytes()


def test_a_secret_that_several_events_spell(tmp_path):
    events = [delta("It is "), delta("acct 12"), delta("-34"), delta(" or "), delta("acct 5"), delta("-67!"), *END]
    folder = written(tmp_path, (chat_call(user("hi")), streamed(*events)))
    after = clean(folder, r"acct \d+-\d+")
    assert after.answer.text == ["It is *** or ***!"]
    assert [at for at, _ in after.pieces] == [10.0 * number for number in range(1, 9)]
    assert after.pieces[0][1] == delta("It is ").decode()
    assert after.answer.finish == "stop"
    assert after.answer.tokens == {"input": 3, "output": 2}


def test_a_secret_that_cannot_be_taken_out(tmp_path):
    def called(arguments):
        call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
        body = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]}
        return f"data: {json.dumps(body)}\n\n".encode()

    folder = written(tmp_path, (chat_call(user("hi")), streamed(called('{"a": "acct 1'), called('2-34"}'), *END)))
    before = text_of(folder)
    with pytest.raises(LeakError, match="over several events"):
        clean(folder, r"acct \d+-\d+")
    assert text_of(folder) == before
