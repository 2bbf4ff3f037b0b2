import pytest

from aigw.core.errors import GatewayError
from aigw.server.guard import Guard, is_loopback


@pytest.mark.parametrize(
    "host, expected",
    [
        ("127.8.9.1", True),
        ("a.localhost", True),
        ("::1", True),
        ("localhost..", False),
        (".", False),
        ("10.0.0.1", False),
        ("localhost.evil.com", False),
        ("", False),
    ],
)
def test_is_loopback(host, expected):
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    "host",
    [
        "localhost:4700",
        "127.0.0.1",
        "[::1]:1",
        "gw.corp",
        "gw.corp.:1",
        "LOCALHOST.:4700",
        "127.0.0.1.",
        "a.localhost.",
    ],
)
def test_hosts_that_are_ours(host):
    for ours in ("GW.corp", "gw.corp."):
        Guard(hosts=[ours]).check({"host": host})


@pytest.mark.parametrize(
    "host",
    ["evil.com", "localhost.evil.com.:4700", "", "169.254.169.254", "localhost..", "evil.com.", "localhost:65536"],
)
def test_other_hosts_are_refused(host):
    guard = Guard()
    for _ in range(2):
        with pytest.raises(GatewayError) as caught:
            guard.check({"host": host})
        assert caught.value.status == 403


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "http://localhost.:3000",
        "https://127.0.0.1",
        "http://[::1]:80",
        "app://obsidian.md",
        "https://chat.corp",
    ],
)
def test_origins_that_may(origin):
    guard = Guard(origins=["https://*.corp"])
    headers = {"host": "localhost", "origin": origin}
    guard.check(headers)
    assert guard.cors(headers)["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    "host, origin",
    [("10.0.0.1:4700", "http://10.0.0.1:4700"), ("[fd00::2]:1", "http://[fd00::2]:1"), ("GW.corp", "https://gw.corp")],
)
def test_the_gateway_s_own_page_may_at_each_address(host, origin):
    Guard(hosts=["gw.corp"], addresses=True).check({"host": host, "origin": origin})


@pytest.mark.parametrize(
    "host, origin",
    [
        ("10.0.0.1:4700", "http://10.0.0.1:4701"),
        ("10.0.0.1:4700", "http://10.0.0.2:4700"),
        ("10.0.0.1:4700", "http://[10.0.0.1"),
        ("rebound.evil.com", "http://rebound.evil.com"),
    ],
)
def test_another_page_may_not_nor_one_whose_name_nobody_wrote(host, origin):
    with pytest.raises(GatewayError, match="are not allowed"):
        Guard(hosts=["gw.corp", "*"], addresses=True).check({"host": host, "origin": origin})


@pytest.mark.parametrize(
    "origin", ["https://evil.com", "null", "http://localhost.evil.com", "http://evil.com/localhost", "file://"]
)
def test_other_origins_are_refused(origin):
    headers = {"host": "localhost", "origin": origin}
    with pytest.raises(GatewayError) as caught:
        Guard().check(headers)
    assert caught.value.status == 403
    assert Guard().cors(headers) == {}


def test_a_preflight_echoes_what_is_asked():
    asked = {"origin": "http://localhost:3000", "access-control-request-headers": "authorization, x-stainless-os"}
    headers = Guard().preflight(asked)
    assert headers["Access-Control-Allow-Headers"] == "authorization, x-stainless-os"
    assert "Access-Control-Allow-Credentials" not in headers


def test_who_refuses_a_host_is_said():
    with pytest.raises(
        GatewayError, match=r"the aigw that listens on 127\.0\.0\.1:4700 does not answer to .*evil\.test"
    ):
        Guard(listen="127.0.0.1:4700").check({"host": "evil.test"})


@pytest.mark.parametrize("host", ["gw.corp:x", "[::1]evil.com", "a b", "user@gw.corp"])
def test_a_host_that_is_none_is_refused_also_where_any_is_allowed(host):
    with pytest.raises(GatewayError, match="does not answer to the Host"):
        Guard(hosts=["*"]).check({"host": host})
    Guard(hosts=["*"]).check({"host": "any.name"})
    Guard(hosts=["*"]).check({})
