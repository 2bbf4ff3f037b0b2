"""aigw/traffic/writing/process.py: nobody waits for a recording, and what fails is said at once."""

import logging
import os
import signal
import threading
from pathlib import Path

import pytest
from recorded_calls import chat_call, said, user

from aigw.traffic.format.folder import Folder
from aigw.traffic.volatility.rules import VolatileConfig
from aigw.traffic.writing.process import WritingProcess
from aigw.traffic.writing.writer import WriterSettings


@pytest.fixture
def writing(tmp_path):
    opened = []

    def start(folder=tmp_path, on_error="continue"):
        Folder(tmp_path / "recs").claim("r1")
        orders = WriterSettings(
            str(folder), "", VolatileConfig(), "/here", "/home", ["a-secret-of-ours"], "c", on_error
        )
        opened.append(WritingProcess(orders))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def put(writing, count, **call):
    for number in range(count):
        writing.put(number, chat_call(user(f"{number}"), **call))
        writing.put(number, said(f"it is {number}, a-secret-of-ours"))


def test_what_was_given_is_written_at_the_latest_at_the_end(tmp_path, writing):
    process = writing(tmp_path / "recs")
    put(process, 20)
    process.close()
    folder = Folder(tmp_path / "recs")
    assert process.written == len(folder.entries()) == 20
    assert {folder.read(entry.name).answer.text[0] for entry in folder.entries()} == {
        f"it is {n}, ***" for n in range(20)
    }


def test_a_secret_that_comes_later_is_hidden_in_what_comes_after_it(tmp_path, writing):
    process = writing(tmp_path / "recs")
    put(process, 1, headers=(("x-aigw-session", "it is 0, yes"),))
    process.hide(["it is 0,"])
    put(process, 1, headers=(("x-aigw-session", "it is 0, no"),))
    process.close()
    folder = Folder(tmp_path / "recs")
    recordings = [folder.read(entry.name) for entry in folder.entries()]
    assert [each.answer.text for each in recordings] == [["it is 0, ***"], ["*** ***"]]
    assert [each.session.name for each in recordings] == ["it is 0, yes", "*** no"]


def test_a_header_that_is_no_text_is_recorded_too(tmp_path, writing):
    process = writing(tmp_path / "recs")
    put(process, 1, headers=(("x-odd", b"\xff".decode("utf-8", "surrogateescape")),))
    process.close()
    assert (process.written, process.failure) == (1, "")


def test_a_folder_that_is_gone_is_said_once(tmp_path, writing, caplog):
    process = writing(tmp_path / "gone", on_error="stop")
    put(process, 3)
    process.close()
    (line,) = [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]
    assert line == f"recording has stopped: {tmp_path / 'gone'}: No such file or directory; traffic stops, too"
    put(process, 1)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
def test_a_process_that_is_killed_is_noticed(tmp_path, writing, caplog):
    before = _children()
    process = writing(tmp_path / "recs")
    put(process, 1)
    while not (started := _children() - before):
        pass
    os.kill(started.pop(), signal.SIGKILL)
    process.close()
    assert process.failure == "the process that writes has ended with exit code -9"
    assert "traffic goes on without" in caplog.text


def test_a_process_that_cannot_be_started_is_said(tmp_path, caplog):
    orders = WriterSettings(str(tmp_path), "", VolatileConfig(), "/here", "/home", [], "c", "continue")
    process = WritingProcess(orders, python=str(tmp_path / "no-python"))
    process.close()
    assert "recording has stopped: the process that writes cannot be started: No such file" in caplog.text
    assert process.failure


def test_what_cannot_be_sent_is_said_and_not_raised(tmp_path, writing, caplog):
    process = writing(tmp_path / "recs")
    process.put(1, object())
    assert process.failure == "a fault in aigw: TypeError"
    assert "a call could not be recorded" in caplog.text


def _children():
    files = [Path(f"/proc/self/task/{thread.native_id}/children") for thread in threading.enumerate()]
    return {int(child) for file in files if file.exists() for child in file.read_text().split()}
