"""aigw/traffic/export/har.py: recordings as HAR 1.2."""

import base64
import json

import jsonschema
import pytest
from recorded_calls import END, chat_call, delta, said, streamed, user, written

from aigw.traffic.export.har import har, har_entry
from aigw.traffic.format.call import Answered

TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": -1}
MS = {"type": "number", "minimum": 0}


def record(required, optional=None, **more):
    fields = required | (optional or {})
    return {
        "type": "object", "required": list(required), "properties": fields,
        "patternProperties": {"^_": {}}, "additionalProperties": False, **more,
    }  # fmt: skip


def rows(item):
    return {"type": "array", "items": item}


PAIR = record({"name": TEXT, "value": TEXT}, {"comment": TEXT})
PARAM = record({"name": TEXT}, {"value": TEXT, "fileName": TEXT, "contentType": TEXT})
REQUEST = record(
    {"method": TEXT, "url": {"type": "string", "format": "uri"}, "httpVersion": TEXT, "cookies": rows(PAIR), "headers": rows(PAIR),
     "queryString": rows(PAIR), "headersSize": COUNT, "bodySize": COUNT},
    {"postData": record({"mimeType": TEXT}, {"text": TEXT, "params": rows(PARAM)}, anyOf=[{"required": ["text"]}, {"required": ["params"]}])},
)  # fmt: skip
RESPONSE = record(
    {"status": {"type": "integer"}, "statusText": TEXT, "httpVersion": TEXT, "cookies": rows(PAIR), "headers": rows(PAIR),
     "content": record({"size": COUNT, "mimeType": TEXT}, {"text": TEXT, "encoding": TEXT, "compression": COUNT}),
     "redirectURL": TEXT, "headersSize": COUNT, "bodySize": COUNT}
)  # fmt: skip
ENTRY = record(
    {"startedDateTime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}, "time": MS,
     "request": REQUEST, "response": RESPONSE, "cache": {"type": "object"},
     "timings": record({"send": MS, "wait": MS, "receive": MS})}
)  # fmt: skip
HAR = record(
    {
        "log": record(
            {"version": {"const": "1.2"}, "creator": record({"name": TEXT, "version": TEXT}), "entries": rows(ENTRY)}
        )
    }
)
"""What the specification requires, as a JSON Schema. Fields of our own begin with an underscore."""


@pytest.fixture
def exported(tmp_path):
    """Exports calls, checks the structure, and returns the entries."""

    def exported(*calls):
        folder = written(tmp_path, *calls)
        whole = har([har_entry(folder.read(entry.name), folder, entry.name) for entry in folder.entries()])
        jsonschema.validate(json.loads(json.dumps(whole)), HAR)
        return whole["log"]["entries"]

    return exported


def test_a_stream(exported):
    (entry,) = exported((chat_call(user("hi")), streamed(delta("yo"), *END)))
    request, response = entry["request"], entry["response"]
    assert (request["method"], request["url"]) == ("POST", "https://api.openai.com:443/v1/chat/completions")
    assert json.loads(request["postData"]["text"])["messages"] == [user("hi")]
    assert (response["status"], response["statusText"]) == (200, "OK")
    assert response["content"]["text"].encode() == delta("yo") + b"".join(END)
    assert entry["timings"] == {"send": 0, "wait": 10.0, "receive": 20.0}
    assert entry["time"] == sum(entry["timings"].values())
    assert [at for at, _ in entry["_aigw"]["events"]] == [10.0, 20.0, 30.0]


def test_bytes_that_are_no_text(exported):
    sound = bytes(range(256)) * 40
    (entry,) = exported(
        (chat_call(user("hi")), said("", pieces=[(0.1, sound)], headers=(("content-type", "audio/mpeg"),)))
    )
    content = entry["response"]["content"]
    assert (content["encoding"], content["mimeType"], content["size"]) == ("base64", "audio/mpeg", len(sound))
    assert base64.b64decode(content["text"]) == sound


def test_a_form(exported):
    body = (
        b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\n\xff\r\n--b--\r\n'
    )
    call = chat_call(user("hi"))
    sent = call.sent._replace(
        body=body, headers=(("content-type", "multipart/form-data; boundary=b"),), query="a=1&b=&a=2"
    )
    (entry,) = exported((call._replace(sent=sent, client=sent), said("yo")))
    assert entry["request"]["postData"]["params"] == [
        {"name": "model", "value": "whisper-1"},
        {"name": "file", "value": "", "fileName": "a.wav", "contentType": "audio/wav"},
    ]
    assert [pair["value"] for pair in entry["request"]["queryString"]] == ["1", "", "2"]


def test_a_call_without_an_answer(exported):
    failed = Answered(after=1.5, fault="CONNECT", message="https://api.openai.com:443: nobody listens")
    (entry,) = exported((chat_call(user("hi")), failed))
    assert (entry["response"]["status"], entry["time"]) == (0, 1500.0)
    assert "nobody listens" in entry["response"]["_error"]


def test_they_come_in_the_order_in_which_they_were_sent(exported):
    late, early = chat_call(user("late"))._replace(at=1_790_000_500.0), chat_call(user("early"))
    entries = exported((late, said("x")), (early, said("y")))
    assert ["early" in entry["request"]["postData"]["text"] for entry in entries] == [True, False]
