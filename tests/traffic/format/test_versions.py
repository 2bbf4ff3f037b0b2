"""aigw/traffic/format/versions.py: recordings of older versions are read, newer ones are refused."""

import json

import msgspec
import pytest
from msgspec import Raw
from recorded_calls import chat_call, said, user, written

from aigw.traffic.format.folder import Folder, RecordingError
from aigw.traffic.format.recording import VERSION
from aigw.traffic.format.versions import OtherVersionError, converted, version_of

NAME = "001-01-chat.json"
EXACT = (
    b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"seed":123456789012345678901234567890,"top_p":1.0}'
)


@pytest.fixture
def older(tmp_path):
    """A folder with a recording of version 0, which had `answer` under `said`, and the time of a piece in seconds."""
    folder = written(tmp_path / "recs", (chat_call(user("hi")), said("yo")))
    fields = msgspec.json.decode((folder.path / NAME).read_bytes(), type=dict[str, Raw])
    fields["said"] = fields.pop("answer")
    pieces = [[at / 1000, piece] for at, piece in msgspec.json.decode(fields["pieces"])]
    fields |= {"aigw": Raw(b"0"), "pieces": Raw(json.dumps(pieces).encode())}
    request = msgspec.json.decode(fields["request"], type=dict[str, Raw])
    fields["request"] = Raw(msgspec.json.encode(request | {"json": Raw(EXACT)}))
    (folder.path / NAME).write_bytes(msgspec.json.encode(fields))
    return folder.path


def to_1(fields):
    pieces = [[at * 1000, piece] for at, piece in msgspec.json.decode(fields["pieces"])]
    rest = {name: value for name, value in fields.items() if name != "said"}
    return rest | {"answer": fields["said"], "pieces": Raw(msgspec.json.encode(pieces))}


def test_an_older_one_is_converted_when_it_is_read(older):
    folder = Folder(older, {0: to_1})
    (entry,) = folder.entries()
    recording = folder.read(entry.name)
    assert (recording.aigw, recording.answer.text) == (VERSION, ["yo"])
    assert [at for at, _ in recording.pieces] == [100.0]
    assert bytes(recording.request.json) == EXACT, "what is not converted is as it was"
    assert version_of((older / NAME).read_bytes()) == 0, "the file stays as it is"


def test_one_that_nobody_reads_any_more(older):
    folder = Folder(older)
    for read in (folder.entries, lambda: folder.read(NAME)):
        with pytest.raises(RecordingError, match=rf"{NAME}: has version 0 .* nobody reads any more; record it again"):
            read()


def test_each_version_is_one_step():
    def step(number):
        return lambda fields: fields | {"way": Raw(msgspec.json.encode([*msgspec.json.decode(fields["way"]), number]))}

    got = msgspec.json.decode(converted(b'{"aigw":-2,"way":[]}', {-2: step(-2), -1: step(-1), 0: step(0)}))
    assert got == {"aigw": VERSION, "way": [-2, -1, 0]}


def test_a_newer_one_is_refused_with_the_remedy():
    with pytest.raises(OtherVersionError, match=f"has version {VERSION + 1} .* use the newer aigw that wrote it"):
        converted(json.dumps({"aigw": VERSION + 1}).encode(), {0: to_1})


def test_an_older_one_that_is_none(older):
    (older / NAME).write_bytes(b'{"aigw": 0}')
    with pytest.raises(RecordingError, match=r"is no recording \(it has no field 'pieces'\); record it again"):
        Folder(older, {0: to_1}).entries()


@pytest.mark.parametrize("data", [b"", b"[]", b'{"aigw": "0"}', b'{"aigw": 1e400}', b"\xff", b"[" * 10_000, b"null"])
def test_what_has_no_version(data):
    assert version_of(data) is None
    assert converted(data) is data
