"""Where names really are, and the notations of addresses."""

import pytest

from aigw.config.services import ServiceTable, parse_listen, parse_upstream, service_problem
from aigw.core.errors import ConfigError
from aigw.core.model import Origin

TABLE = ServiceTable(
    {
        "dashscope.aliyuncs.com": "http://127.0.0.1:9100",
        "API.example.com:8443": "https://10.0.0.1:9443/",
        "api.example.com": "https://10.0.0.2",
        "[2001:db8::1]": "http://[::1]:9000",
        "llm.internal.dns": "http://127.0.0.1:1",
        "llm.internal.dns:443": "http://127.0.0.1:2",
        "redis.static": "redis://user:secret@127.0.0.1:6379/0",
    }
)


@pytest.mark.parametrize(
    ("scheme", "authority", "service", "origin"),
    [
        ("https", "dashscope.aliyuncs.com", "", Origin("http", "127.0.0.1", 9100)),
        ("https", "DashScope.aliyuncs.com:443", "", Origin("http", "127.0.0.1", 9100)),
        ("https", "api.example.com:8443", "", Origin("https", "10.0.0.1", 9443, "api.example.com")),
        ("https", "api.example.com", "", Origin("https", "10.0.0.2", 443, "api.example.com")),
        ("http", "api.example.com", "", Origin("https", "10.0.0.2", 443, "api.example.com")),
        ("https", "[2001:db8::1]:444", "", Origin("http", "::1", 9000)),
        ("https", "h.io", "llm.internal.dns:443", Origin("http", "127.0.0.1", 2)),
        ("https", "h.io", "llm.internal.dns:80", Origin("http", "127.0.0.1", 1)),
        ("https", "dashscope.aliyuncs.com", "llm.internal.dns", Origin("http", "127.0.0.1", 9100)),
        ("https", "h.io", "", Origin("https", "h.io", 443, "h.io")),
        ("http", "h.io:81", "unknown.dns:1", Origin("http", "h.io", 81)),
        ("https", "[::1]", "", Origin("https", "::1", 443, "::1")),
    ],
)
def test_locates(scheme, authority, service, origin):
    assert TABLE.locate(scheme, authority, service) == origin


@pytest.mark.parametrize(
    ("table", "authority", "service", "origin"),
    [
        ({}, "vrs.example.com:443", "DashVector.dns:443", Origin("standin", "dashvector.dns", 0)),
        ({}, "vrs.example.com:443", "dashvector.dns", Origin("standin", "dashvector.dns", 0)),
        ({}, "Green.example.com:443", "x.dns", Origin("standin", "green.example.com", 0)),
        ({}, "vrs.example.com:443", "my.dashvector.dns", Origin("https", "vrs.example.com", 443, "vrs.example.com")),
        ({"dashvector.dns": "http://127.0.0.1:9"}, "v.com:443", "dashvector.dns:443", Origin("http", "127.0.0.1", 9)),
        ({"v.com": "http://127.0.0.1:9"}, "v.com:443", "dashvector.dns", Origin("http", "127.0.0.1", 9)),
        (
            {"green.example.com": "https://green.example.com"},
            "green.example.com",
            "",
            Origin("https", "green.example.com", 443, "green.example.com"),
        ),
    ],
)
def test_a_callout_to_what_is_not_mapped_has_the_stand_in_of_exactly_that_name(table, authority, service, origin):
    services = ServiceTable(table).with_standins(["dashvector.dns", "green.example.com"])
    assert services.locate_callout("https", authority, service) == origin
    assert services.locate("https", authority, service).scheme != "standin"


def test_a_plugin_names_the_stand_in_of_a_service_whatever_the_configuration_calls_it():
    services = ServiceTable({"vectors.dns": "http://127.0.0.1:9"}).with_standins(["dashvector"])
    assert services.locate_callout("https", "v.com:443", "mine.dns", "dashvector") == Origin("standin", "dashvector", 0)
    assert services.locate_callout("https", "v.com:443", "vectors.dns", "dashvector").scheme == "http"
    assert services.locate_callout("https", "v.com:443", "mine.dns", "unknown").scheme == "https"


def test_what_is_not_http_is_refused_without_its_password():
    with pytest.raises(ConfigError) as caught:
        TABLE.locate("http", "redis.static")
    assert caught.value.findings == [
        "services.redis.static: 'redis://***@127.0.0.1:6379/0' is not HTTP; it must be an http:// or https:// URL"
    ]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:4700", ("127.0.0.1", 4700)),
        ("4700", ("127.0.0.1", 4700)),
        (":80", ("0.0.0.0", 80)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:1", ("localhost", 1)),
    ],
)
def test_listen(text, address):
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["localhost", "1.2.3.4:x", "[::1]", "1.2.3.4:70000", ""])
def test_listen_needs_a_port(text):
    with pytest.raises(ConfigError):
        parse_listen(text)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("http://h.io", ("http", "h.io", "h.io:80")),
        ("HTTPS://h.io/ignored?x", ("https", "h.io", "h.io:443")),
        ("http://[::1]:81", ("http", "[::1]:81", "[::1]:81")),
        ("llm.internal.dns:443", ("https", "llm.internal.dns:443", "llm.internal.dns:443")),
        ("llm.static:80", ("http", "llm.static:80", "llm.static:80")),
        ("llm.static", ("http", "llm.static", "llm.static")),
    ],
)
def test_upstreams(text, endpoint):
    assert parse_upstream(text) == endpoint


@pytest.mark.parametrize("text", ["ftp://h", "http://", "a b", "h:x", "http://h:x"])
def test_no_upstreams(text):
    with pytest.raises(ValueError, match=r"\S"):
        parse_upstream(text)


@pytest.mark.parametrize("url", ["http://h:1", "https://h/", "redis://h:1/0", "builtin://embeddings", "unix:///tmp/x"])
def test_what_a_service_may_be(url):
    assert service_problem("a.b", url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "h:1",
        "",
        "http://",
        "http://h:x",
        "http://h/path",
        "http://h?x=1",
        "://h",
        "redis://",
        "redis://h/x",
        "redis+sentinel://h:1",
    ],
)
def test_what_a_service_may_not_be(url):
    assert service_problem("a.b", url)


def test_a_provider_is_no_redis():
    assert "host of a provider" in service_problem("dashscope.aliyuncs.com:443", "redis://h:1")
    assert service_problem("redis.static:80", "redis://h:1") == ""
