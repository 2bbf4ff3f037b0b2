"""The log never stops the gateway: a process whose stderr nobody reads goes on."""

import contextlib
import json
import logging
import os
import pty
import signal
import socket
import subprocess
import sys
import tty
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from aigw.cli.terminal.log import MAX_WAITING, LogThread


def start(child, tmp_path, **files):
    command = [sys.executable, "-m", "aigw", "serve", "--listen", "127.0.0.1:0", "--json"]
    process = child(command, stdout=subprocess.PIPE, cwd=tmp_path, **files)
    return process, json.loads(process.stdout.readline())["url"]


def stop(process):
    process.send_signal(signal.SIGINT)
    code = process.wait(20)
    process.stdout.close()
    return code


def test_a_stderr_that_nobody_reads(tmp_path, child):
    reading, writing = os.pipe()
    process, url = start(child, tmp_path, stderr=writing)
    os.close(writing)
    port = int(url.rpartition(":")[2])
    for _ in range(1500):  # each of them is a line in the log; a pipe holds 64 KiB
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"this is not HTTP\r\n\r\n")
            connection.recv(1000)
    assert json.load(urllib.request.urlopen(f"{url}/-/health", timeout=10))["status"] == "ok"
    assert stop(process) == 0
    os.close(reading)


def test_closed_standard_files(tmp_path, child):
    command = 'exec "$0" -m aigw serve --listen 127.0.0.1:0 --json <&- 2>&-'
    process = child(["sh", "-c", command, sys.executable], stdout=subprocess.PIPE, cwd=tmp_path)
    assert json.loads(process.stdout.readline())["url"]
    assert stop(process) == 0


def test_an_output_that_is_gone(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "aigw", "serve", "--listen", "127.0.0.1:0"]
    process = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path, text=True, timeout=20)
    os.close(writing)
    assert process.returncode == 1
    assert "listen" not in process.stderr


@pytest.mark.parametrize("address", ["127.0.0.1:1x", "256.1.1.1:1", "nosuchhost.invalid:1"])
def test_an_address_that_is_none(tmp_path, address):
    command = [sys.executable, "-m", "aigw", "serve", "--listen", address]
    process = subprocess.run(command, capture_output=True, cwd=tmp_path, text=True, timeout=20)
    assert process.returncode in (1, 2)
    assert "Traceback" not in process.stderr


def test_a_message_that_cannot_be_formatted_is_a_line_too(capsys):
    log = LogThread()
    logger = logging.Logger("test")
    logger.addHandler(log)
    logger.warning("%d things", "no number")
    logger.warning("%s", "the next")
    log.close()
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("WARNING a message of ") and first.endswith("cannot be formatted")
    assert second.endswith("the next")


def test_lines_keep_their_order_and_none_is_left_at_the_end(capsys):
    for _ in range(20):
        log = LogThread()
        logger = logging.Logger("test")
        logger.addHandler(log)
        for number in range(50):
            log.write(f"INFO {2 * number}")
            logger.info("%d", 2 * number + 1)
        log.close()
        assert [int(line.split()[-1]) for line in capsys.readouterr().err.splitlines()] == list(range(100))


def test_further_lines_are_lost_while_nobody_reads():
    reading, writing = os.pipe()
    line = "x" * 99
    with os.fdopen(reading) as ours, os.fdopen(writing, "w") as theirs, contextlib.redirect_stderr(theirs):
        log = LogThread()
        for _ in range(2 * MAX_WAITING):
            log.write(line)
        with ThreadPoolExecutor() as pool:
            read = pool.submit(ours.readlines)
            log.close()
            theirs.close()
            lines = read.result()
    assert MAX_WAITING <= len(lines) < 1.2 * MAX_WAITING
    assert set(lines) == {line + "\n"}


@pytest.mark.parametrize("as_json", [True, False])
def test_a_long_message_is_one_line_where_it_is_no_terminal(capsys, as_json):
    log = LogThread(as_json=as_json)
    logger = logging.Logger("test")
    logger.addHandler(log)
    logger.warning("%s", "word " * 5000)
    log.close()
    (line,) = capsys.readouterr().err.splitlines()
    assert not as_json or json.loads(line)["message"].count("word") == 5000


def test_without_a_stderr_nothing_gets_onto_stdout(tmp_path, child):
    process, url = start(child, tmp_path, preexec_fn=lambda: os.close(2))
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
        connection.sendall(b"this is not HTTP\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0] == ""
    assert process.returncode == 0


def test_of_what_a_program_on_the_terminal_holds_up_the_last_lines_are_kept():
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with os.fdopen(theirs, "w") as terminal, contextlib.redirect_stderr(terminal):
        log = LogThread(shares_terminal=True)
        for number in range(25):
            log.write(f"line {number}")
        log.close()
        said = b""
        while said.count(b"\n") < 21:  # a terminal may hand it over in parts
            said += os.read(ours, 10_000)
    assert said.decode().splitlines() == [
        "5 more lines came before these",
        *(f"line {number}" for number in range(5, 25)),
    ]
    os.close(ours)
