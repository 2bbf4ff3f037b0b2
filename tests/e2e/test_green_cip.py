"""Content Security's API over HTTP, answered by one gateway and asked by the plugin of another one, as by a Higress."""

import json
import random
import time

import pytest
from fakes import FakeClock, make_env
from stage.answers import answers, completion
from stage.wires import CHAT

from aigw.clients.callout import Callout, StatusError
from aigw.clients.green_cip import HOSTS, GreenCip
from aigw.config.services import ServiceTable
from aigw.upstream.http import HttpUpstream

BAD = "project bluebird"
MAIL = "jane.sample" + "@example.com"
SERVED = {
    "guard": {"rules": [{"label": "names", "words": [BAD]}], "access_keys": {"id": "right"}},
    "standins": {"green-cip": True},
    "plugins": {},
}
TODAY = {
    "serviceName": "green.dns", "servicePort": 443, "serviceHost": "green-cip.cn-shanghai.aliyuncs.com",
    "accessKey": "id", "secretKey": "right", "checkRequest": True, "checkResponse": True,
}  # fmt: skip
ARTICLE = {
    "serviceSource": "dns", "serviceName": "green", "servicePort": "443", "domain": "green-cip.cn-shanghai.aliyuncs.com",
    "ak": "id", "sk": "right",
}  # fmt: skip
FORMS = {"today": TODAY, "original": {**ARTICLE, "servicePort": 443}}
FORM = pytest.mark.parametrize("form", ["today", "original"])


@pytest.fixture
async def asked(gateway):
    """Asks a gateway what its screen finds, by a client of its own."""
    upstream = HttpUpstream()

    async def ask(text, *, url, form="today", secret="right", **clock):
        services = ServiceTable({"green.dns": url}, ())
        callout = Callout(make_env(upstream, services=services), "green.dns", 443, HOSTS[0], 2.0)
        clock = FakeClock(**clock) if clock else time
        client = GreenCip(callout, key_id="id", secret=secret, form=form, clock=clock, random=random.Random(1))
        return (await client.check("llm_query_moderation", text, "s")).data

    yield ask
    await upstream.aclose()


@FORM
@pytest.mark.parametrize(
    ("text", "suggestion"),
    [("What is a sonnet?", "pass"), (f"Tell of {BAD}.", "block"), (f"To {MAIL}, 你好 &=+%", "mask")],
)
async def test_signed_requests(gateway, asked, form, text, suggestion):
    running = await gateway(SERVED, alone=False)
    assert (await asked(text, url=running.url, form=form)).suggestion == suggestion


@FORM
async def test_a_wrong_signature(gateway, asked, form):
    running = await gateway(SERVED, alone=False)
    with pytest.raises(StatusError) as caught:
        await asked("hi", url=running.url, form=form, secret="wrong")
    assert (caught.value.status, b"SignatureDoesNotMatch" in caught.value.said) == (403, True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fidelity", ["safe", "higress"])
async def test_another_gateway_asks(gateway, provider, form, fidelity):
    """Its `services:` maps the service to the first."""
    service = await gateway(SERVED, alone=False)
    model = await provider(answers(completion(f"It is {BAD}.")))
    name = {"today": "green.dns", "original": "green.dns"}[form]
    config = CHAT.config(model.url, {"ai-security-guard": FORMS[form]}, fidelity=fidelity)
    config["services"][name] = service.url
    running = await gateway(config, alone=False)
    denied = await running.request("POST", CHAT.path, json.dumps(CHAT.body(f"Tell of {BAD}.")).encode())
    assert model.requests == []
    clean = await running.request("POST", CHAT.path, json.dumps(CHAT.body("hi")).encode())
    for answer in (denied, clean):
        assert BAD not in answer.body.decode()
        assert answer.status == (403 if form == "original" else 200)
    assert len(model.requests) == 1


async def test_the_route_of_the_stand_in_may_ask_for_a_key(gateway, asked):
    keyed = {
        "consumers": [{"name": "ann", "credential": "sk-ann", "in_header": True, "keys": ["x-api-key"]}],
        "global_auth": False,
        "_rules_": [{"_match_route_": ["standins.green-cip"], "allow": ["ann"]}],
    }
    running = await gateway({**SERVED, "plugins": {"key-auth": keyed}}, alone=False)
    with pytest.raises(StatusError) as caught:
        await asked("hi", url=running.url)
    assert caught.value.status == 401


async def test_a_gateway_without_it(gateway, asked):
    running = await gateway({**SERVED, "standins": {}}, alone=False)
    with pytest.raises(StatusError) as caught:
        await asked("hi", url=running.url)
    assert (caught.value.status, b"host_not_allowed" in caught.value.said) == (403, True)
