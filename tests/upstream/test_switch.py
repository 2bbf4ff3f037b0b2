"""aigw/upstream/switch.py: the scheme of an origin chooses the transport."""

import pytest
from fakes import FakeUpstream, answer_json, chat

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Origin, Target
from aigw.upstream.switch import Switch


class Closing(FakeUpstream):
    closed = 0

    async def aclose(self):
        self.closed += 1


def target(scheme):
    return Target(Origin(scheme, "host", 1), "authority")


async def test_the_scheme_chooses():
    network, models = FakeUpstream(answer_json("network")), FakeUpstream(answer_json("models"))
    switch = Switch({"http": network, "https": network, "builtin": models})
    request = chat({})
    for scheme in ("https", "builtin", "http"):
        await switch.send(request, target(scheme))
    assert network.sent == [(request, target("https")), (request, target("http"))]
    assert models.sent == [(request, target("builtin"))]


async def test_an_unknown_scheme_is_named_with_those_that_there_are():
    switch = Switch({"https": FakeUpstream(), "http": FakeUpstream()})
    with pytest.raises(UpstreamError) as caught:
        await switch.send(chat({}), target("ftp"))
    assert caught.value.fault is UpstreamFault.CONNECT
    assert str(caught.value) == "ftp://host:1: there is no transport for 'ftp', only for http, https"


async def test_each_transport_is_closed_once():
    network, models = Closing(), Closing()
    await Switch({"http": network, "https": network, "builtin": models}).aclose()
    assert (network.closed, models.closed) == (1, 1)
