"""A gateway in a thread, which can be ended whenever Ctrl-C comes."""

import socket
import threading

import pytest

from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.gateway_thread import GatewayThread
from aigw.cli.sources.private_gateway import PrivateGatewayOptions
from aigw.core.errors import AddressError

WANTED = PrivateGatewayOptions({"OLLAMA_HOST": "127.0.0.1:9"}, ConfigChoice(recipe="ai-statistics"), keeps=False)


def test_it_ends_while_it_starts():
    """Nobody waits for ever, whether it has a loop already or not."""
    thread = GatewayThread(WANTED)
    starting = threading.Thread(
        target=lambda: thread.start(), daemon=True
    )  # which nobody tells that it will not be ready
    starting.start()
    thread.stop()
    thread.stop()
    assert not thread._thread.is_alive()


def test_it_was_never_started():
    GatewayThread(WANTED).stop()


def test_it_says_why_it_does_not_start():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        thread = GatewayThread(WANTED._replace(port=taken.getsockname()[1]))
        with pytest.raises(AddressError):
            thread.start()
        thread.stop()
