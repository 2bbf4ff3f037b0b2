"""What must hold in the file beyond its types."""

import pytest


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("listen: localhost", "listen: 'localhost' has no port; write 'localhost:4700'"),
        ("services: {h.io: nothing}", "services['h.io']: must be a URL such as"),
        ("services: {h.io: 'http://x/path'}", "services['h.io']: must end after the port"),
        ("services: {a b: 'http://x'}", "services['a b']: 'a b' is not a host or host:port"),
        ("cors: {origins: [example.com]}", "cors.origins[0]: must be '*' or scheme://host[:port], got 'example.com'"),
        ("hosts: ['http://x']", "hosts[0]: 'http://x' is not a host or host:port"),
        ("routes: [{name: a, match: {path: /a*b}}]", "routes[0].match.path: may have one *, at its end"),
        ("routes: [{name: a, match: {path: a}}]", "routes[0].match.path: must look like ^/, got 'a'"),
        ("routes: [{name: a, match: {methods: [get]}}]", "routes[0].match.methods[0]: must be a method in capitals"),
        (
            "routes: [{name: a, upstream: 'ftp://x'}]",
            "routes[0].upstream: 'ftp://x' must begin with http:// or https://",
        ),
        ("routes: [{name: ''}]", "routes[0].name: must not be empty"),
        ("timeouts: {idle: -1}", "timeouts.idle: must be at least 0, got -1.0"),
        ("rag: {openai: {url: 'http://[::1/v1'}}", "rag.openai.url: '[::1' is not a host or host:port"),
        ("rag: {embedder: bert}", "rag.embedder: must look like"),
        (
            "record: {volatile: {rules: [{pointer: x}]}}",
            "record.volatile.rules[0]: 'x' is no JSON Pointer: it begins with /",
        ),
        (
            "record: {volatile: {rules: [{pointer: /x}, {regex: 'a('}]}}",
            "record.volatile.rules[1]: the regex 'a(': missing",
        ),
        ("record: {volatile: {rules: [{}]}}", "record.volatile.rules[0]: needs either pointer or regex"),
        ("record: {volatile: {builtin: [uid]}}", "record.volatile.builtin[0]: must be one of"),
        ("max_body: 0", "max_body: must be at least 1, got 0"),
        ("fidelity: higres", "fidelity: must be one of higress, safe, got 'higres'; did you mean 'higress'?"),
    ],
)
def test_findings(read_config, text, finding):
    loaded, errors, _ = read_config(text)
    assert loaded is None
    assert len(errors) == 1
    assert errors[0].startswith(f"aigw.yaml:1 {finding}")


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (
            "rag: {embedder: openai}",
            ["aigw.yaml:1 rag.openai: has no api_key, without which api.openai.com refuses requests"],
        ),
        ("rag: {embedder: openai, openai: {api_key: sk-1}}", []),
        ("rag: {embedder: openai, openai: {url: 'http://127.0.0.1:11434/v1'}}", []),
        ("rag: {openai: {model: text-embedding-3-large}}", []),
    ],
)
def test_a_service_that_embeds_wants_a_key(read_config, text, notes):
    assert read_config(text)[2] == notes


def test_route_names_are_unique(read_config):
    _, errors, _ = read_config("routes:\n  - name: a\n  - name: b\n  - name: a\n")
    assert errors == ["aigw.yaml:4 routes[2].name: 'a' is already the name of the route in line 2"]


def test_the_path_of_an_upstream_is_noted(read_config):
    text = "routes: [{name: a, upstream: 'http://h/'}, {name: b, upstream: 'http://h/x'}, {name: c, upstream: 'http://h?x'}]"
    _, errors, notes = read_config(text)
    assert errors == []
    assert [note.split(" ")[1] for note in notes] == ["routes[1].upstream:", "routes[2].upstream:"]


def test_a_password_in_a_service_is_not_shown(read_config):
    _, errors, _ = read_config("services: {h.io: 'http://u:hunter2@h:1'}")
    assert len(errors) == 1
    assert "hunter2" not in errors[0]


def test_everything_right(read_config):
    text = """\
listen: "[::1]:0"
services: {"h.io:8443": "https://127.0.0.1:1", redis.static: "redis://u:p@127.0.0.1/0"}
cors: {origins: ["*", "https://a.b:1"]}
hosts: [gw.test, "gw.test:80"]
timeouts: {connect: 500ms, first_byte: 1h, idle: 5}
routes:
  - {name: a, match: {path: /a, methods: [GET], hosts: ["*.io"], headers: {x-a: b}}, upstream: llm.dns:443}
"""
    loaded, errors, notes = read_config(text)
    assert (errors, notes) == ([], [])
    assert (loaded.config.timeouts.connect, loaded.config.timeouts.first_byte) == (0.5, 3600.0)
