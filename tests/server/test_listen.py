"""The port: shared by workers, and never taken from somebody who listens there."""

import os
import socket

import pytest

from aigw.core.errors import AddressError
from aigw.server.listen import bind
from aigw.server.workers import reserve


def test_a_reserved_port_takes_no_connection_until_a_worker_listens():
    with reserve("127.0.0.1", 0, spreads=True) as reserved:
        port = reserved.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1)
        with bind("127.0.0.1", port, shared=True) as one, bind("127.0.0.1", port, shared=True) as two:
            one.listen()
            two.listen()
            socket.create_connection(("127.0.0.1", port), 1).close()


def test_a_name_of_both_kinds_means_ipv4():
    with bind("localhost", 0) as sock:
        assert sock.family == socket.AF_INET


def test_where_connections_are_not_spread_over_sockets_a_reserved_port_listens_for_all():
    with reserve("127.0.0.1", 0, spreads=False) as reserved:
        address = reserved.getsockname()
        inherited = [socket.socket(fileno=os.dup(reserved.fileno())) for _ in range(2)]
        for worker in inherited:
            with worker, socket.create_connection(address, 1) as client, worker.accept()[0] as served:
                served.sendall(b"x")
                assert client.recv(1) == b"x"


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_on_which_someone_listens_is_taken_also_when_it_could_be_shared(shared):
    with bind("127.0.0.1", 0, shared=shared) as other:
        other.listen()
        with pytest.raises(AddressError, match="in use"):
            reserve("127.0.0.1", other.getsockname()[1])
