"""What the system allows a process, asked in processes that are allowed little."""

import errno
import subprocess
import sys

import pytest

from aigw.server.process_limits import is_scarce, most_connections, take_most


def said(limit, expression):
    code = f"from aigw.server.process_limits import *; allow_more_files(); print({expression})"
    shell = f'ulimit {limit} && exec "$@"'
    done = subprocess.run(["sh", "-c", shell, "sh", sys.executable, "-c", code], capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.mark.parametrize(("files", "connections"), [(64, 16), (48, 8), (1024, 496)])
def test_connections_leave_a_reserve(files, connections):
    assert said(f"-n {files}", "most_connections()") == str(connections)


def test_each_needs_address_space():
    assert said(f"-n 1024 && ulimit -v {1024 << 10}", "most_connections()") == "14"


def test_what_the_user_may_have_is_taken():
    assert said("-S -n 64 && ulimit -H -n 300", "most_files()") == "300"


@pytest.mark.parametrize("most", [257, 10_240, 61_440, 65_536])
def test_a_system_that_refuses_too_much_gives_nearly_its_most(most):
    given = []

    def take(files):
        if files > most:
            raise ValueError("current limit exceeds maximum limit")
        given.append(files)

    take_most(65_536, 256, take)
    assert len(given) <= 1
    assert most - max(given, default=256) < most / 15


def test_somebody_is_always_let_in():
    assert most_connections() >= 1
    assert said("-n 20", "most_connections()") == "1"


@pytest.mark.parametrize(
    ("limit", "part"),
    [("-n 40", "may open only 40 files"), ("-v 204800", "only 200 MiB of address space"), ("-n 64", "")],
)
def test_too_small(limit, part):
    answer = said(limit, "too_small()")
    assert part in answer
    assert bool(answer) == bool(part)
    assert not part or "raise the limit with ulimit" in answer


@pytest.mark.parametrize(
    ("limit", "size", "fits"),
    [("-v unlimited", 1 << 50, True), ("-v 1048576", 1 << 20, True), ("-v 1048576", 1 << 27, False)],
)
def test_a_body_needs_address_space(limit, size, fits):
    code = f"""
from aigw.core.errors import GatewayError
from aigw.server.process_limits import Space
try:
    Space().take('1', {size})
    print("fits")
except GatewayError as error:
    print(error.status, error.code)
"""
    done = subprocess.run(
        ["sh", "-c", f'ulimit {limit} && exec "$@"', "sh", sys.executable, "-c", code], capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == ("fits" if fits else "503 overloaded")


@pytest.mark.parametrize(
    ("error", "scarce"),
    [
        (MemoryError(), True),
        (OSError(errno.EMFILE, ""), True),
        (OSError(errno.ENFILE, ""), True),
        (OSError(errno.ENOSPC, ""), False),
        (RuntimeError("can't start new thread"), True),
        (RuntimeError("Event loop is closed"), False),
        (ValueError(), False),
    ],
)
def test_what_is_scarce(error, scarce):
    assert is_scarce(error) is scarce
