"""Which headers go along to another vendor."""

import json

from multidict import CIMultiDict

from aigw.core.model import Request
from aigw.translation.vendor_request import request_for


def test_headers_of_the_clients_own_api_stay_here():
    own = ("anthropic-beta", "x-goog-api-client", "OpenAI-Organization", "x-stainless-lang", "Accept-Encoding",
           "content-encoding", "session-id", "X-Claude-Code-Session-Id", "idempotency-key")  # fmt: skip
    others = {"traceparent": "00-1", "x-team": "red", "user-agent": "me"}
    headers = CIMultiDict({**dict.fromkeys(own, "x"), **others, "Content-Type": "text/plain"})
    made = request_for(Request("POST", "/v1/messages", "beta=true", headers, b"{}"), "/v1/x", "", {"a": 1})
    assert dict(made.headers) == {**others, "content-type": "application/json"}
    assert (made.method, made.path, made.query, json.loads(made.body)) == ("POST", "/v1/x", "", {"a": 1})
