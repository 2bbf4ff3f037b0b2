"""The notation of addresses."""

import pytest

from aigw.core.authority import host_of, is_private, origin_of, split_authority
from aigw.core.model import Origin

WRONG = ["", "a b", "h:x", "user@h", "::1", "[::1", "h:1:2", "h/path", ":1", "h:"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [("h", ("h", None)), ("h:0", ("h", 0)), ("h:1", ("h", 1)), ("[::1]", ("::1", None)), ("[::1]:2", ("::1", 2))],
)
def test_host_and_port(text, parts):
    assert split_authority(text) == parts


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_authority(text):
    with pytest.raises(ValueError, match="not a host or host:port"):
        split_authority(text)


@pytest.mark.parametrize("text", ["h:65536", "h:99999", "h:1234567"])
def test_a_port_that_does_not_exist(text):
    with pytest.raises(ValueError, match=f"'{text}' has a port that does not exist: the largest is 65535"):
        split_authority(text)


def test_origins():
    assert origin_of("http", "h") == Origin("http", "h", 80)
    assert origin_of("https", "h:9") == Origin("https", "h", 9, "h")
    assert origin_of("https", "[::1]") == Origin("https", "::1", 443, "::1")
    assert origin_of("http", "h", 8000) == Origin("http", "h", 8000)


@pytest.mark.parametrize(("scheme", "text"), [("ftp", "h"), ("", "h"), ("http", "h:0"), *(("http", w) for w in WRONG)])
def test_no_origins(scheme, text):
    with pytest.raises(ValueError, match=r"\S"):
        origin_of(scheme, text)


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("127.0.0.1", True), ("::1", True), ("10.1.2.3", True), ("172.16.0.1", True), ("192.168.0.9", True),
        ("100.64.0.1", True), ("fe80::1%eth0", True), ("fd00::1", True), ("0.0.0.0", True), ("LOCALHOST", True),
        ("ollama", True), ("gpu.local", True), ("host.docker.internal.", True),
        ("8.8.8.8", False), ("2606:4700::1111", False), ("api.openai.com", False), ("localhost.example.com", False),
        ("172.32.0.1", False),
    ],
)  # fmt: skip
def test_networks_of_ones_own(host, private):
    assert is_private(host) == private


@pytest.mark.parametrize(
    "authority, host",
    [
        ("localhost", "localhost"),
        ("LOCALHOST:80", "localhost"),
        ("[::1]:4700", "::1"),
        ("[::1]", "::1"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("localhost.", "localhost"),
        ("LocalHost.:4700", "localhost"),
        ("127.0.0.1.:4700", "127.0.0.1"),
        ("localhost..", "localhost."),
        (".", ""),
        ("localhost:65536", ""),
        ("localhost:99999", ""),
        ("[::1]:65536", ""),
        ("localhost:-1", ""),
        ("[::1].", ""),
        ("[::1]evil.com", ""),
        ("gw.corp:", "gw.corp"),
        ("[0:0::0001]:4700", "::1"),
        ("0:0::1", "::1"),
        ("Bücher.de", "xn--bcher-kva.de"),
        ("bücher" * 20, ""),
    ],
)
def test_host_of(authority, host):
    assert host_of(authority) == host
