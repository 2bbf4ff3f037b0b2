"""A gateway that would send to itself notices, by whatever way the request comes back."""

import json
import socket
from functools import partial

import pytest
from stage.answers import CHAT, PATH, answers
from stage.gateway import proxied, serve, until

from aigw.upstream.proxied import upstream_for

BODY = json.dumps(CHAT).encode()
FIDELITIES = ["safe", "higress"]


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def circle(gateway):
    """Starts a gateway to which gateways keep connections."""
    return partial(gateway, alone=False)


def towards(port, host="127.0.0.1", **more):
    provider = {"id": "me", "type": "openai", "apiTokens": ["sk"], "openaiCustomUrl": f"http://{host}:{port}/v1"}
    return {"plugins": {"ai-proxy": {"providers": [provider], "activeProviderId": "me"}}, **more}


async def asked(running, path=PATH, **headers):
    answer = await running.request("POST", path, BODY, content_type="application/json", **headers)
    return answer, answer.json()["error"]


@pytest.mark.parametrize("fidelity", FIDELITIES)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_as_its_own_provider(circle, port, host, fidelity):
    running = await circle(towards(port, host, listen=f"127.0.0.1:{port}", fidelity=fidelity), keeps=True)
    answer, error = await asked(running)
    assert (answer.status, error["code"]) == (508, "upstream_loop")
    assert "plugins.ai-proxy: the provider 'me'" in error["message"]
    assert f"http://{host}:{port}" in error["message"]
    await until(lambda: len(running.rows) == 1)  # the one of the client


@pytest.mark.parametrize("fidelity", FIDELITIES)
async def test_under_a_vendors_name(circle, port, fidelity):
    config = {**proxied(f"http://127.0.0.1:{port}"), "listen": f"127.0.0.1:{port}", "fidelity": fidelity}
    answer, error = await asked(await circle(config))
    assert (answer.status, error["code"]) == (508, "upstream_loop")


@pytest.mark.parametrize("fidelity", FIDELITIES)
async def test_as_a_routes_upstream(circle, port, fidelity):
    config = {"routes": [{"name": "web", "upstream": f"http://127.0.0.1:{port}"}], "listen": f"127.0.0.1:{port}"}
    answer, error = await asked(await circle(config | {"fidelity": fidelity}))
    assert answer.status == 508
    assert "routes: the upstream of the route 'web'" in error["message"]


@pytest.mark.parametrize("others", FIDELITIES)
@pytest.mark.parametrize("fidelity", FIDELITIES)
async def test_two_in_a_circle(circle, port, fidelity, others):
    other = await circle(towards(port, fidelity=others))
    running = await circle(towards(other.port, listen=f"127.0.0.1:{port}", fidelity=fidelity), keeps=True)
    answer, error = await asked(running)
    assert (answer.status, error["code"]) == (508, "upstream_loop")
    assert f"the provider 'me' (type openai) at http://127.0.0.1:{other.port}" in error["message"]
    await until(lambda: len(running.rows) == 1)


async def test_two_in_a_row_are_no_circle(provider, circle):
    upstream = await provider(answers())
    last = await circle(proxied(upstream.url))
    first = await circle(towards(last.port))
    assert (await first.request("POST", PATH, BODY, content_type="application/json")).status == 200
    assert upstream.requests[0].headers["via"].count("aigw-") == 2


async def test_another_provider_is_asked_instead(provider, circle, port):
    upstream = await provider(answers())
    config = towards(port, listen=f"127.0.0.1:{port}")
    proxy = config["plugins"]["ai-proxy"]
    proxy["providers"].append({"id": "b", "type": "openai", "openaiCustomUrl": f"{upstream.url}/v1"})
    running = await circle(config | {"plugins": {"ai-proxy": {**proxy, "fallback": ["b"]}}})
    assert (await running.request("POST", PATH, BODY, content_type="application/json")).status == 200


@pytest.mark.parametrize("fidelity", FIDELITIES)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_as_its_own_proxy(port, scheme, fidelity):
    provider = {"type": "openai", "openaiCustomUrl": f"{scheme}://llm.example/v1"}
    config = {"plugins": {"ai-proxy": {"provider": provider}}, "listen": f"127.0.0.1:{port}", "hosts": ["llm.example"]}
    config["fidelity"] = fidelity
    proxies = {f"{name}_PROXY": f"http://127.0.0.1:{port}" for name in ("HTTP", "HTTPS")}
    async with serve(config, network=upstream_for(proxies), alone=False) as running:
        answer, error = await asked(running)
        assert (answer.status, error["code"]) == (508, "upstream_loop")
        assert "leads back to this gateway" in error["message"]
