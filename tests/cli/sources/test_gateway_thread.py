"""A gateway in a thread, which can be ended whenever Ctrl-C comes."""

import contextlib
import socket
import threading
from concurrent.futures import CancelledError

import pytest

from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.gateway_thread import GatewayThread
from aigw.cli.sources.private_gateway import PrivateGatewayOptions
from aigw.core.errors import AddressError

WANTED = PrivateGatewayOptions({"OLLAMA_HOST": "127.0.0.1:9"}, ConfigChoice(recipe="ai-statistics"), keeps=False)


def test_it_ends_while_it_starts():
    """Nobody waits for ever, whether it has a loop already or not."""
    thread = GatewayThread(WANTED)

    def start():
        with contextlib.suppress(CancelledError):  # it is stopped before it is ready
            thread.start()

    starting = threading.Thread(target=start, daemon=True)
    starting.start()
    thread.stop()
    starting.join(20)
    thread.stop()
    assert not starting.is_alive() and not thread._thread.is_alive()


def test_it_was_never_started():
    GatewayThread(WANTED).stop()


def test_it_says_why_it_does_not_start():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        thread = GatewayThread(WANTED._replace(port=taken.getsockname()[1]))
        with pytest.raises(AddressError):
            thread.start()
        thread.stop()
