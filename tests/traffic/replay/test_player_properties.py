"""Whatever is recorded is found again and played byte for byte; whatever else is asked is not; no secret is kept."""

import base64
import gzip
import json
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recorded_calls import RULES, chat_call, delta, said, streamed, user, written

from aigw.traffic.format.building import TAIL
from aigw.traffic.format.call import Answered, Sent
from aigw.traffic.format.folder import iterate
from aigw.traffic.replay.answers import played_of
from aigw.traffic.replay.player import FolderPlayer
from aigw.traffic.settings import RecordSettings

REPLAY = RecordSettings(mode="replay")
HOSTILE = [
    "",
    "\0",
    "\x1b[31m",
    "\u2028\u2029",
    "\ufdd0\uffff",
    "../../etc/passwd",
    "*id001",
    "!!python/object:x",
    "<uuid 1>",
    "\\u0000",
    "𝒳👩‍👩‍👧",
    "\r\n\r\nHTTP/1.1 200 OK",
]
texts = st.sampled_from(HOSTILE) | st.text(max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
turns = st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "tool"]), "content": texts | values})
bodies = st.fixed_dictionaries(
    {"model": st.just("gpt-4o"), "messages": st.lists(turns, min_size=1, max_size=4)},
    optional={"tools": values, "metadata": values, "seed": st.integers(), "temperature": st.floats(0, 2)},
)
large = st.builds(
    lambda piece, times: piece * times, st.binary(min_size=1, max_size=8), st.sampled_from([1, 900, 40_000])
)
pieces = st.lists(st.tuples(st.floats(0, 9), large | texts.map(str.encode)), max_size=4)


def call(body, *, ascii=False):
    return chat_call()._replace(sent=sent(body, ascii=ascii), client=sent(body, ascii=ascii))


def sent(body, *, ascii=False):
    data = json.dumps(body, ensure_ascii=ascii, indent=1 if ascii else None).encode()
    return Sent("POST", "/v1/chat/completions", "", (("content-type", "application/json"),), data)


def answered(pieces, kind="application/octet-stream"):
    return Answered(200, (("content-type", kind),), list(pieces), 9.0, whole=True)


@contextmanager
def recorded(*calls, secrets=()):
    with tempfile.TemporaryDirectory() as path:
        yield written(Path(path, "recs"), *calls, secrets=secrets)


def player(folder, secrets=()):
    return FolderPlayer(folder, REPLAY, RULES, secrets)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(bodies, pieces), min_size=1, max_size=4, unique_by=lambda each: json.dumps(each[0], sort_keys=True)
    )
)
def test_each_request_gets_its_own_answer(each):
    with recorded(*((call(body), answered(pieces)) for body, pieces in each)) as folder:
        found = player(folder)
        for body, pieces in each:
            match = found.match(call(dict(reversed(body.items())), ascii=True))
            played = played_of(folder.read(match.entry.name), folder, match.entry.name)
            assert b"".join(data for _, data in played.pieces) == b"".join(data for _, data in pieces)
            assert (played.status, dict(played.headers)) == (200, {"content-type": "application/octet-stream"})


def leaves(value, path=()):
    """The places of all values that are no containers."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [place for key, item in children for place in leaves(item, (*path, key))]
    return below or [path]


def changed(value, path):
    """A copy with another value at this place."""
    if path:
        copy = dict(value) if isinstance(value, dict) else list(value)
        copy[path[0]] = changed(value[path[0]], path[1:])
        return copy
    if isinstance(value, str):
        return f"{value}x"
    return {None: False, True: None, False: 0}.get(value, "x") if isinstance(value, bool | None) else [value]


@settings(max_examples=60)
@given(bodies, st.data())
def test_a_request_that_differs_anywhere_is_a_miss(body, drawn):
    other = changed(body, drawn.draw(st.sampled_from(leaves(body))))
    with recorded((call(body), said("yo"))) as folder:
        found = player(folder)
        assert found.match(call(other)) is None
        assert found.match(call(body)) is not None


def test_what_is_nested_too_deeply_is_recorded_as_it_is():
    body = b'{"model":"gpt-4o","messages":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    deep = call({})._replace(sent=sent({})._replace(body=body), client=None)
    with recorded((deep, said("yo"))) as folder:
        assert player(folder).match(deep) is not None
        assert player(folder).match(deep._replace(sent=deep.sent._replace(body=body.replace(b"[]", b"[1]")))) is None


letters = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", min_size=20, max_size=40)
SHAPES = [
    "sk-proj-",
    "sk-ant-api03-",
    "ghp_",
    "gho_",
    "glpat-",
    "xoxb-",
    "hf_",
    "gsk_",
    "AIzaSy",
    "github_pat_",
    "LTAI5t",
    "pypi-",
]
known = st.builds(str.__add__, st.sampled_from(SHAPES), letters)
CONFIGURED = "correct horse/battery+staple"
secrets = (
    known
    | st.just(CONFIGURED)
    | letters.map(lambda text: f"eyJhbGciOi{text}.{text}.{text}")
    | letters.map(
        lambda text: f"-----BEGIN RSA PRIVATE KEY-----\n{text}/{text}\n{text}==\n-----END RSA PRIVATE KEY-----"
    )
)


def in_header(secret, at):
    header = ("x-note", f"it is {secret}".replace("\n", " "))
    return chat_call(user("hi"), headers=(header, ("authorization", f"Bearer {secret}"))), said("yo")


def in_question(secret, at):
    return chat_call(user(f"my key: {secret}, keep it")), said("yo")


def in_large_question(secret, at):
    return chat_call(user("…" * 200_000 + f" {secret} " + "…" * 100)), said("yo")


def in_text(secret, at):
    begun = chat_call()
    text = Sent("POST", "/v1/chat/completions", "", (("content-type", "text/plain"),), f"= {secret} ".encode() * 9_000)
    return begun._replace(sent=text, client=text), said("yo")


def in_form(secret, at):
    part = f'--b\r\ncontent-disposition: form-data; name="prompt"\r\n\r\nsay {secret} now\r\n'
    file = '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    body = part.encode() + file.encode() + bytes(range(128, 256)) * 80 + f" {secret} ".encode() + b"\r\n--b--\r\n"
    form = Sent("POST", "/v1/audio/transcriptions", "", (("content-type", "multipart/form-data; boundary=b"),), body)
    return chat_call()._replace(sent=form, client=form), said("yo")


def in_query(secret, at):
    one = chat_call(user("hi"))
    asked = one.sent._replace(query=f"key={secret}&page=1&note={secret}")
    return one._replace(sent=asked, client=asked), said("yo")


def in_answer(secret, at):
    return chat_call(user("hi")), said(f"it is {secret}!")


def in_pieces(secret, at):
    data = json.dumps(
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": f"= {secret} ="}}]}
    ).encode()
    at = min(at + data.index(b"= "), len(data) - 1)
    return chat_call(user("hi")), answered([(0.1, data[:at]), (0.2, data[at:])], "application/json")


def in_events(secret, at):
    return chat_call(user("hi"), stream=True), streamed(
        delta(f"= {secret[:at]}"), delta(f"{secret[at:]} ="), b"data: [DONE]\n\n"
    )


def in_call(secret, at):
    """JSON in JSON, as in the arguments of a call that writes a key into a file."""
    function = {"name": "write", "arguments": json.dumps({"path": "key.pem", "text": f"{secret}\n"})}
    message = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]}
    data = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}).encode()
    return chat_call(user("hi")), answered([(0.1, data)], "application/json")


def in_large_answer(secret, at):
    return chat_call(user("hi")), answered([(0.1, b"\xff" * 300_000 + f" {secret} ".encode())])


def in_coded_answer(secret, at):
    data = gzip.compress(json.dumps({"choices": [{"message": {"content": f"= {secret} ="}}]}).encode())
    headers = (("content-type", "application/json"), ("content-encoding", "gzip"))
    return chat_call(user("hi")), Answered(200, headers, [(0.1, data[:9]), (0.2, data[9:])], 1.0, whole=True)


def in_error(secret, at):
    return chat_call(user("hi")), Answered(0, (), [], 1.0, "CONNECT", f"cannot connect with {secret}")


PLACES = [in_header, in_question, in_large_question, in_text, in_form, in_query, in_answer, in_pieces, in_events, in_call, in_large_answer, in_coded_answer, in_error]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=15)
@given(secrets, st.integers(1, 40))
@example("sk-proj-0123456789ABCDEFGHIJ", 3)
@example("sk-proj-0123456789ABCDEFGHIJ", 18)
@example(CONFIGURED, 5)
def test_no_file_has_a_secret(place, secret, at):
    begun, back = place(secret, at)
    harmless = chat_call(user("harmless"))
    with recorded((begun, back), (harmless, said("yo")), secrets=(CONFIGURED,)) as folder:
        for file in folder.path.iterdir():
            assert all(secret not in text and secret[-TAIL:] not in text for text in told(file.read_bytes())), file.name
        entries = list(iterate(folder))
        found = player(folder, (CONFIGURED,))
        assert found.match(harmless).entry == entries[-1][0]
        if place is in_events and at <= len(secret) - TAIL:
            assert len(entries) == 1  # it is spelled over two events, so that it was not written
        elif place is not in_events:
            assert found.match(begun).entry == entries[0][0]
        for _, recording in entries:
            if recording.head.headers.get("content-type") == "application/json":
                assert json.loads("".join(piece for _, piece in recording.pieces))


def told(data):
    """What a file says: as it is, and in the texts and bytes that its JSON has."""
    yield data.decode("utf-8", "replace")
    waiting = [json.loads(data)] if data.startswith(b"{") else []
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
            if "base64" in value:
                yield base64.b64decode(value["base64"]).decode("utf-8", "replace")
        elif isinstance(value, list):
            waiting += value
            yield "".join(each for each in value if isinstance(each, str))
            yield "".join(each[1] for each in value if isinstance(each, list) and isinstance(each[-1], str))
        elif isinstance(value, str):
            yield value
