"""What providers answer to a doctor."""

import asyncio
import socket

import pytest
from answering import answering

from aigw.cli.doctor.online import ask_providers
from aigw.config.load import load

CONFIG = "listen: 127.0.0.1:{port}\nplugins:\n  ai-proxy:\n    provider: {{type: openai, apiTokens: ['{token}']}}\n"


def online(config):
    return asyncio.run(ask_providers(load(None, {}, text=config.encode()), {}))


@pytest.mark.parametrize(
    "status, level, message",
    [
        (200, "ok", "openai answers"),
        (401, "problem", "openai refuses the key (status 401)"),
        (404, "note", "openai answers with status 404 when asked for its models"),
    ],
)
def test_online_asks_each_provider(status, level, message):
    with answering(b'{"data": []}', status) as port:
        (check,) = online(
            f"services: {{api.openai.com: 'http://127.0.0.1:{port}'}}\n" + CONFIG.format(port=0, token="k$${A}")
        )
    assert (check.level, check.message) == (level, message)


def test_online_tells_who_cannot_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (check,) = online(f"services: {{api.openai.com: 'http://127.0.0.1:{port}'}}\n" + CONFIG.format(port=0, token="k"))
    assert (check.level, check.message.startswith("openai cannot be reached")) == ("problem", True)
