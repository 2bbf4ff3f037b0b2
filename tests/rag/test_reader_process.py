"""The child process by its pipes: messages in, answers out, and its end."""

import os
import signal
import subprocess
import sys

import msgspec
import pytest

from aigw.rag.reader_process import LENGTH, OUT_OF_MEMORY, Answer, Asked

COMMAND = [sys.executable, "-P", "-m", "aigw.rag.reader_process", str(1 << 31)]


def written(*asked):
    messages = [msgspec.msgpack.encode(each) for each in asked]
    return b"".join(LENGTH.pack(len(message)) + message for message in messages)


def answers(data):
    while data:
        size = LENGTH.unpack(data[: LENGTH.size])[0] + LENGTH.size
        yield msgspec.msgpack.decode(data[LENGTH.size : size], type=Answer)
        data = data[size:]


def run(*asked, **options):
    return subprocess.run(COMMAND, input=written(*asked), capture_output=True, check=False, **options)


def with_modules_of(folder):
    return dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])))


def test_it_answers_one_after_the_other_and_ends_with_its_input():
    result = run(Asked("text", "", 1, b"a"), Asked("notebook", "", 1, b"no"), Asked("text", "latin-1", 1, b"\xfc"))
    first, second, third = answers(result.stdout)
    assert [block.text for answer in (first, third) for block in answer.document.blocks] == ["a", "ü"]
    assert (second.document, second.error[:17]) == (None, "it is no notebook")
    assert result.returncode == 0


def test_a_missing_package_is_named(tmp_path):
    """Whoever installed aigw without the extra."""
    (tmp_path / "selectolax.py").write_text("raise ModuleNotFoundError(name='selectolax')")
    (answer,) = answers(run(Asked("html", "", 1, b"<p>"), env=with_modules_of(tmp_path)).stdout)
    assert answer.error == "the package selectolax is missing: pip install '.[rag]' in the clone of aigw"


def test_the_system_ends_it_when_a_source_takes_too_long():
    """Also if its parent is gone, and nobody else could end it."""
    result = run(Asked("text", "", 1, b"a"), Asked("html", "", 1, b"<div>" * 400_000))
    assert [answer.error for answer in answers(result.stdout)] == [""]
    assert result.returncode == -signal.SIGXCPU


def test_it_ends_when_its_memory_is_full():
    result = subprocess.run(
        [*COMMAND[:-1], str(150 << 20)],
        input=written(Asked("text", "", 1, b"a\n\n" * 10_000_000)),
        capture_output=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (OUT_OF_MEMORY, b"")


def test_it_ends_by_itself_where_the_system_does_not_limit_memory():
    code = "from aigw.rag.reader_process import end_when_full; taken = bytes(80 << 20); end_when_full(64 << 20)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == OUT_OF_MEMORY


def test_what_libraries_print_goes_elsewhere(tmp_path):
    (tmp_path / "selectolax.py").write_text("print('chatter')\nraise ValueError('x' * 1000)")
    result = run(Asked("html", "", 1, b"<p>"), env=with_modules_of(tmp_path))
    (answer,) = answers(result.stdout)
    assert answer.error.startswith("it cannot be read: ValueError: xxx")
    assert len(answer.error) == 300
    assert b"chatter" in result.stderr


@pytest.mark.parametrize("data", [b"", b"\0\0"])
def test_an_input_that_ends_early_is_the_end(data):
    assert subprocess.run(COMMAND, input=data, capture_output=True, check=False).stdout == b""
