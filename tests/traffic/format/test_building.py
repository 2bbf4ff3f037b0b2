"""aigw/traffic/format/building.py: what is in a recording of a call."""

import gzip
import json
from dataclasses import replace

import pytest
from recorded_calls import END, chat_call, delta, said, streamed, user

from aigw.traffic.format.building import Key, LeakError, recording_of
from aigw.traffic.format.call import Answered, Begun, Sent
from aigw.traffic.format.folder import encoded
from aigw.traffic.format.recording import Blob, Session, json_of

KEY = "sk-proj-abcdefghijklmnop"
OURS = "correct-horse-battery-staple"
HI = chat_call(user("hi"))


def built(begun=HI, answered=None, secrets=()):
    answered = answered or said("yo")
    return recording_of(
        begun, answered, Session(number=1, position=1), Key("k", "r"), stem="001-01-chat", secrets=secrets, config="c"
    )


def texts(recording):
    return [piece for _, piece in recording.pieces]


def test_a_plain_call():
    recording, sides = built()
    assert sides == {}
    assert (recording.source.service, recording.source.date) == ("openai", "2026-09-21T14:13:20Z")
    assert json_of(recording.request) == {"model": "gpt-4o", "messages": [user("hi")]}
    assert recording.client is None
    assert (recording.head.status, recording.head.headers) == (200, {"content-type": "application/json"})
    assert (recording.answer.text, recording.answer.model, recording.end.ended) == (["yo"], "gpt-4o-2024", "complete")
    assert (recording.pieces[0][0], recording.end.after) == (100.0, 200.0)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("hi", ("", "")),
        ("read /srv/app/x", ("/srv/app", "")),
        ("in /home/me", ("", "/home/me")),
        ("a\\app", ("/srv/app", "")),
    ],
)
def test_the_folders_of_this_machine_are_there_only_where_the_request_names_them(text, kept):
    key = Key("k", "r", folder="/srv/app", home="/home/me")
    session = Session(number=1, position=1)
    source = recording_of(chat_call(user(text)), said("yo"), session, key, stem="x", secrets=(), config="c")[0].source
    assert (source.folder, source.home) == kept


def test_a_folder_that_a_query_names_is_kept():
    key = Key("k", "r", folder="/srv/app", home="/home/me")
    begun = HI._replace(sent=HI.sent._replace(query="Action=Check&Text=in+%2Fsrv%2Fapp%2C+now"))
    recording, _ = recording_of(begun, said("yo"), Session(number=1, position=1), key, stem="x", secrets=(), config="c")
    assert (recording.source.folder, recording.source.home) == ("/srv/app", "")


def test_a_folder_that_json_may_write_otherwise_is_kept():
    key = Key("k", "r", folder="/srv/möbel", home="")
    recording, _ = recording_of(HI, said("yo"), Session(number=1, position=1), key, stem="x", secrets=(), config="c")
    assert recording.source.folder == "/srv/möbel"


def test_the_request_of_the_client_is_there_where_it_is_another_one():
    client = HI.sent._replace(body=HI.sent.body.replace(b"gpt-4o", b"fast"))
    recording, _ = built(HI._replace(client=client))
    assert json_of(recording.client)["model"] == "fast"


def test_a_key_in_the_query_of_the_client_makes_no_other_request_of_it():
    """Else `aigw traffic redact` would find something to do in it, where nothing is secret."""
    recording, _ = built(HI._replace(client=HI.sent._replace(query=f"key={KEY}")))
    assert recording.client is None


def test_a_call_of_a_plugin_has_no_client_and_is_not_read():
    recording, _ = built(HI._replace(dialect="", client=HI.sent._replace(path="/other")))
    assert (recording.client, recording.answer.text) == (None, [])


def test_events_that_arrived_together_are_apart_with_one_time():
    recording, _ = built(answered=streamed(delta("a") + delta("b"), *END))
    assert [at for at, _ in recording.pieces] == [10.0, 10.0, 20.0, 30.0]
    assert recording.answer.text == ["ab"]


@pytest.mark.parametrize(
    ("answered", "ended"),
    [
        (streamed(delta("a"), *END, whole=False), "complete"),  # the client left when it had all
        (streamed(delta("a"), whole=False), "left"),
        (streamed(delta("a"), whole=False, fault="RESET", message="reset"), "broken"),
        (Answered(fault="CONNECT", message="refused"), "unreachable"),
        (Answered(), "left"),
    ],
)
def test_how_it_ended(answered, ended):
    recording, _ = built(answered=answered)
    assert (recording.end.ended, recording.end.fault) == (ended, answered.fault)


def test_secrets_are_nowhere():
    quoted = chat_call(user(f"my key is {KEY}"), headers=(("authorization", f"Bearer {OURS}"),))
    recording, _ = built(quoted, streamed(delta(f"you said {KEY} and {OURS}"), *END))
    text = encoded(recording).decode()
    assert KEY not in text and OURS not in text
    assert recording.redacted
    assert recording.answer.text == ["you said *** and ***"]


def test_a_secret_that_is_cut_by_pieces_is_hidden():
    event = delta(f"so {KEY}!")
    cut = event.index(b"abc")
    recording, _ = built(answered=streamed(event[:cut], event[cut:], *END))
    assert texts(recording) == [delta("so ***!").decode(), *(each.decode() for each in END)]


def test_a_secret_behind_a_content_coding_is_hidden():
    body = json.dumps({"choices": [{"message": {"content": f"x {OURS}"}, "finish_reason": "stop"}]}).encode()
    headers = (("content-type", "application/json"), ("content-encoding", "gzip"))
    plain = Answered(200, headers, [(0.1, gzip.compress(b'{"choices": []}'))], whole=True)
    assert "content-encoding" in built(answered=plain)[0].head.headers
    recording, _ = built(answered=Answered(200, headers, [(0.1, gzip.compress(body))], whole=True), secrets=[OURS])
    assert "content-encoding" not in recording.head.headers
    assert texts(recording) == [body.decode().replace(OURS, "***")]


def test_a_secret_that_is_spelt_over_events_is_not_written():
    with pytest.raises(LeakError, match="spells what looks like a secret"):
        built(answered=streamed(delta(KEY[:9]), delta(KEY[9:]), *END))


def test_a_secret_that_is_spelt_between_events_of_another_choice_is_not_written():
    with pytest.raises(LeakError, match="spells what looks like a secret"):
        built(answered=streamed(delta(KEY[:9]), delta(" or ", 1), delta(KEY[9:]), delta(" not", 1), *END))


def test_what_is_large_or_no_text_is_aside():
    audio = bytes(range(256)) * 40
    answered = Answered(200, (("content-type", "audio/mpeg"),), [(0.1, audio[:5000]), (0.2, audio[5000:])], whole=True)
    recording, sides = built(answered=answered)
    assert sides == {"001-01-chat.answer.bin": audio}
    assert [piece.size for piece in texts(recording)] == [5000, len(audio) - 5000]


def test_a_few_bytes_that_are_no_text_are_in_the_file():
    answered = Answered(200, (("content-type", "audio/mpeg"),), [(0.1, b"\xff\xfb")], whole=True)
    recording, sides = built(answered=answered)
    assert sides == {}
    assert isinstance(texts(recording)[0], Blob)


def test_the_parts_of_a_form_are_listed():
    boundary, audio = b"--x", b"\xff" * 5000
    body = b"\r\n".join((
        boundary, b'Content-Disposition: form-data; name="model"', b"", b"whisper-1",
        boundary, b'Content-Disposition: form-data; name="file"; filename="a.wav"', b"Content-Type: audio/wav", b"", audio,
        b"--x--", b"",
    ))  # fmt: skip
    sent = Sent("POST", "/v1/audio/transcriptions", "", (("content-type", "multipart/form-data; boundary=x"),), body)
    begun = Begun(*HI)._replace(sent=sent, client=sent, api="openai/v1/audiotranscription", dialect="generic")
    recording, sides = built(begun)
    model, file = recording.request.form
    assert (model.name, model.text) == ("model", "whisper-1")
    assert (file.name, file.filename, file.content_type, file.size) == ("file", "a.wav", "audio/wav", 5000)
    assert sides == {"001-01-chat.request.bin": body}


@pytest.mark.parametrize("body", [b"{", b"not json", b"\xff" * 10, b'{"a": NaN}', b"[" * 9000])
def test_a_body_that_is_no_json_is_kept(body):
    recording, _ = built(HI._replace(sent=HI.sent._replace(body=body), client=None))
    assert (
        recording.request.text == body.decode() if recording.request.text else recording.request.body.size == len(body)
    )


def test_the_head_says_how_the_body_is_framed():
    answered = said(f"yo {KEY}")
    ((_, data),) = answered.pieces
    headers = (*answered.headers, ("Content-Length", str(len(data))), ("Date", "today"))
    recording, _ = built(answered=replace(answered, headers=headers))
    assert recording.head.headers == {
        "content-type": "application/json",
        "content-length": str(len(data) - len(KEY) + len("***")),
    }


def test_an_answer_in_which_nobody_can_look_for_secrets_is_not_written():
    coded = Answered(200, (("content-encoding", "rot13"),), [(0.1, b"x")], whole=True)
    with pytest.raises(LeakError, match="the content coding 'rot13' is unknown"):
        built(answered=coded)
    built(answered=replace(coded, pieces=[]))


def test_of_a_long_stream_all_text_is_there():
    words = [f"word {number} " for number in range(60_000)]
    recording, _ = built(answered=streamed(*map(delta, words), *END))
    assert recording.answer.text == ["".join(words)]
