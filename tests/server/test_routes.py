import pytest
from fakes import FakeUpstream, chat

from aigw.config.load import load
from aigw.core.model import Origin, Timeouts
from aigw.pipeline.forward import Forward
from aigw.pipeline.pipeline import Pipeline
from aigw.server.routes import RouteTable


def table(text, upstream=None):
    loaded = load(None, {}, text=text.encode())
    pipeline = Pipeline(list(loaded.plugins.values()), Forward(upstream or FakeUpstream()))
    return RouteTable(loaded.config.routes, pipeline, loaded.services, Timeouts())


ROUTES = """
routes:
- {name: exact, match: {path: /v1/models}}
- {name: posts, match: {path: /v1/*, methods: [POST]}}
- {name: tagged, match: {path: /v1/*, headers: {x-team: a}}}
- {name: family, match: {path: /v1/*, headers: {x-model: "qwen-*"}}}
- {name: hosted, match: {hosts: ["*.corp"]}}
"""


@pytest.mark.parametrize(
    "method, path, headers, name",
    [
        ("GET", "/v1/models", {}, "exact"),
        ("POST", "/v1/models/x", {}, "posts"),
        ("GET", "/v1/models/x", {"x-team": "a"}, "tagged"),
        ("GET", "/v1/models/x", {"x-team": "b"}, None),
        ("GET", "/v1/models/x", {"x-model": "qwen-max"}, "family"),
        ("GET", "/v1/models/x", {"x-model": "a-qwen-max"}, None),
        ("GET", "/x", {"host": "a.corp:4700"}, "hosted"),
        ("GET", "/x", {"host": "A.CORP."}, "hosted"),
        ("GET", "/x", {}, None),
        ("POST", "//v1/chat", {}, "posts"),
        ("POST", "/x/%2e%2e/v1%2Fchat", {}, "posts"),
        ("POST", "/v1/../x", {}, None),
    ],
)
def test_the_first_route_that_matches(method, path, headers, name):
    request = chat({}, path=path, headers=headers)
    request.method = method
    found = table(ROUTES).find(request)
    assert (found[0].name if found else None) == name


def test_without_routes_there_is_one_for_everything():
    route, _ = table("{}").find(chat({}))
    assert (route.name, route.target) == ("default", None)


def test_a_url_brings_its_own_host_and_a_service_leaves_the_clients():
    text = """
services: {up.dns: "http://127.0.0.1:9000"}
routes:
- {name: url, match: {path: /a}, upstream: "https://up.example"}
- {name: service, match: {path: /b}, upstream: "up.dns:443"}
"""
    url, _ = table(text).find(chat({}, path="/a"))
    service, _ = table(text).find(chat({}, path="/b"))
    assert (url.target.origin, url.target.authority) == (Origin("https", "up.example", 443, "up.example"), "up.example")
    assert (service.target.origin, service.target.authority) == (Origin("http", "127.0.0.1", 9000), "")
    assert service.service == "up.dns:443"
