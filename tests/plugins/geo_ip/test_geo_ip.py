"""geo-ip in its chain: whom it looks up, what it tells, and what ai-prompt-decorator makes of it."""

import pytest
from fakes import chat
from world import configured, world

from aigw.config.load import examine
from aigw.core.errors import ConfigError

TABLE = [
    {"cidr": "1.2.3.0/24", "country": "中国", "province": "浙江", "city": "杭州", "isp": "0"},
    {"cidr": "2001:db8::/32", "country": "Nowhere"},
    {"cidr": "10.0.0.0/8", "city": "the office"},
]
FOUND = {"Country": "%E4%B8%AD%E5%9B%BD", "Province": "%E6%B5%99%E6%B1%9F", "City": "%E6%9D%AD%E5%B7%9E"}
INTERNAL = dict.fromkeys(("Country", "Province", "City", "Isp"), "%E5%86%85%E7%BD%91IP")
ASK = {"messages": [{"role": "user", "content": "q"}]}
FORWARDED = {"ip_source_type": "header", "ip_header_name": "X-Forwarded-For"}
both = pytest.mark.parametrize("fidelity", ["safe", "higress"])


async def sent(address="", fidelity="safe", decorator=None, client=None, **config):
    """What went upstream of a client with this address in X-Forwarded-For."""
    plugins = {"geo-ip": {"table": TABLE, **config}, **({"ai-prompt-decorator": decorator} if decorator else {})}
    async with world(plugins, fidelity=fidelity) as it:
        await it.ask(chat(ASK, headers={"x-forwarded-for": address, **(client or {})}))
    return it.upstream


async def told(*arguments, **how):
    headers = (await sent(*arguments, **how)).last.headers
    return {name[14:]: value for name, value in headers.items() if name.lower().startswith("x-higress-geo-")}


async def test_the_address_of_the_connection():
    assert await told("1.2.3.4") == await told("1.2.3.4", fidelity="higress") == INTERNAL


async def test_an_address_in_a_header():
    assert await told("6.6.6.6, 1.2.3.4", **FORWARDED) == FOUND
    assert await told("1.2.3.4, 6.6.6.6", fidelity="higress", **FORWARDED) == {**FOUND, "Isp": "0"}


async def test_who_is_not_trusted_is_looked_up_himself():
    assert await told("1.2.3.4", trusted_proxies=["10.0.0.0/8"], **FORWARDED) == INTERNAL


async def test_an_internal_address_has_the_place_in_the_table():
    assert await told("10.1.1.1", **FORWARDED) == {"City": "the+office"}
    assert await told("10.1.1.1", fidelity="higress", **FORWARDED) == INTERNAL


@both
async def test_of_an_address_that_is_in_no_network_nothing_is_said(fidelity):
    assert await told("8.8.8.8", fidelity=fidelity, **FORWARDED) == {}


async def test_ipv6():
    assert await told("2001:db8::1", **FORWARDED) == {}
    assert await told("2001:db8::1", ip_protocol="ipv6", **FORWARDED) == {"Country": "Nowhere"}
    assert await told("1.2.3.4", ip_protocol="ipv6", **FORWARDED) == {}
    for protocol in ("ipv4", "ipv6"):
        assert await told("2001:db8::1", fidelity="higress", ip_protocol=protocol, **FORWARDED) == {}


async def test_what_a_client_says_of_its_place():
    claims = {"x-higress-geo-city": "x"}
    assert await told("8.8.8.8", client=claims, **FORWARDED) == {}
    upstream = await sent("1.2.3.4", fidelity="higress", client=claims, **FORWARDED)
    assert upstream.last.headers.getall("x-higress-geo-city") == [FOUND["City"], "x"]


@both
async def test_the_variables_of_the_decorator(fidelity):
    decorator = {"append": [{"role": "user", "content": "in ${geo-city}, ${geo-country}"}]}
    upstream = await sent("1.2.3.4", fidelity=fidelity, decorator=decorator, **FORWARDED)
    assert upstream.json()["messages"][1:] == [{"role": "user", "content": "in 杭州, 中国"}]
    upstream = await sent("8.8.8.8", fidelity=fidelity, decorator=decorator, **FORWARDED)
    assert upstream.json() == ASK


async def test_a_file_beside_the_configuration(tmp_path):
    (tmp_path / "geo.txt").write_text("1.2.3.0/24|A|B|C|D\n")
    async with world({"geo-ip": {"file": "geo.txt", **FORWARDED}}, folder=tmp_path) as it:
        await it.ask(x_forwarded_for="1.2.3.4")
        assert it.sent.headers["x-higress-geo-isp"] == "D"


def test_a_file_that_is_not_there_has_its_line(tmp_path):
    path = tmp_path / "aigw.yaml"
    (tmp_path / "geo.txt").write_text("1.2.3.0/24|A|B|C|D\n")
    for name, errors in (
        ("geo.txt", []),
        ("missing.txt", [f"{path}:1 plugins.geo-ip.file: there is no file missing.txt"]),
    ):
        path.write_text(f"plugins: {{geo-ip: {{file: {name}}}}}\n")
        report = examine(path, {})[1]
        assert report.format_all(report.errors) == errors


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("missing.txt", "No such file"),
        ("geo.txt", "line 1: there must be five"),
        ("geo.mmdb", "no database of MaxMind"),
    ],
)
async def test_a_file_that_cannot_be_used(tmp_path, file, problem):
    for name in ("geo.txt", "geo.mmdb"):
        (tmp_path / name).write_text("nothing")
    with pytest.raises(ConfigError, match=f"plugins.geo-ip.file: .*{file}: .*{problem}"):
        async with world({"geo-ip": {"file": file}}, folder=tmp_path):
            pass


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"ip_protocol": "v4"}, "'v4' is unknown, and taken for ipv4"),
        ({"ip_source_type": "x"}, "taken for origin-source"),
        ({"table": [{"cidr": "1.2.3"}]}, r"table\[0\].cidr: '1.2.3' is not a network"),
        ({"trusted_proxies": ["here"]}, r"trusted_proxies\[0\]: 'here' is not a network"),
    ],
)
def test_what_is_wrong(config, problem):
    with pytest.raises(ConfigError, match=problem):
        configured({"geo-ip": config})


def test_that_nothing_is_known_is_noted():
    (note,) = configured({"geo-ip": {}}).notes
    assert "only internal addresses have a place" in note


def test_a_key_of_higress_s_documents_that_nobody_reads_is_noted():
    first, _ = configured({"geo-ip": {"ipProtocol": "ipv4"}}).notes
    assert "ipProtocol: has no effect, as in Higress; write ip_protocol" in first
