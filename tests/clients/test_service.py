"""aigw/clients/service.py: where a request goes, and what it carries."""

import pytest
from fakes import FakeUpstream, answer_json, make_env

from aigw.clients.service import Service
from aigw.config.services import ServiceTable


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com:443", "/v1/x"),
        ("http://127.0.0.1:11434/a/v1/", "http://127.0.0.1:11434", "/a/v1/x"),
        ("HTTP://host", "http://host:80", "/x"),
    ],
)
async def test_a_path_stands_before_that_of_the_request(url, origin, path):
    upstream = FakeUpstream(answer_json({"a": 1}))
    assert await Service(make_env(upstream), url, "sk-1", 1.0).post("/x", {"b": 2}) == {"a": 1}
    request, target = upstream.sent[0]
    assert (str(target.origin), request.path, upstream.json()) == (origin, path, {"b": 2})
    assert request.headers["authorization"] == "Bearer sk-1"


async def test_without_a_key_none_is_sent():
    upstream = FakeUpstream(answer_json({}))
    await Service(make_env(upstream), "http://host", "", 1.0).post("/x", {})
    assert "authorization" not in upstream.last.headers


async def test_services_say_where_the_host_is():
    upstream = FakeUpstream(answer_json({}))
    env = make_env(upstream, services=ServiceTable({"api.openai.com": "http://127.0.0.1:9100"}))
    await Service(env, "https://api.openai.com/v1", "", 1.0).post("/x", {})
    assert str(upstream.sent[0][1].origin) == "http://127.0.0.1:9100"
    assert upstream.sent[0][1].authority == "api.openai.com"
