"""The thread that writes traces: it survives what fails, and what waits for it is bounded."""

import json
import logging
import threading
from contextlib import AsyncExitStack

from fakes import FakeClock, FakeUpstream, chat, make_env, make_exchange

from aigw.core.model import Request, Route
from aigw.pipeline.pipeline import Pipeline
from aigw.trace.files import FOLDER, read_lines
from aigw.trace.tracer import RequestTrace
from aigw.trace.writer import TraceWriter


async def test_the_writer_writes_and_survives(tmp_path, caplog):
    writer = TraceWriter(tmp_path)
    clock = FakeClock()
    tracer = writer.tracer((), clock)

    async def answers(exchange):
        return exchange.reply(b"ok")

    async with AsyncExitStack() as stack:
        pipeline = Pipeline([], answers, tracer)
        await pipeline.open(make_env(FakeUpstream()), stack)
        for _ in range(3):
            exchange = make_exchange(chat({}))
            await pipeline.chain(Route("r"), "h").call(exchange)
            await exchange.aclose()
            await exchange.settled()
    writer.close()
    lines = list(read_lines(tmp_path / FOLDER))
    assert [json.loads(line)["id"] for line in lines] == ["aigw-1"] * 3
    (file,) = (tmp_path / FOLDER).iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)

    blocked = TraceWriter(tmp_path / "a-file" / "state")
    (tmp_path / "a-file").write_text("")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            blocked.add(exchange.trace)
        blocked.close()
    assert blocked.lost == 3
    assert len([each for each in caplog.messages if "could not be written" in each]) == 1
    blocked.add(exchange.trace)
    assert blocked.lost == 4


def test_what_waits_is_bounded_by_its_bytes(tmp_path):
    """The lock is held, so that the thread takes nothing."""
    writer = TraceWriter(tmp_path)
    big = Request("POST", "/", "", chat({}).headers, b"x" * (40 << 20))
    trace = RequestTrace(make_exchange(big), 0.0, (), ())
    with writer._changed:
        writer.add(trace)
        writer.add(trace)
    writer.close()
    assert writer.lost == 1


def test_a_failure_after_one_that_did_not_fit_is_logged(tmp_path, caplog):
    (tmp_path / "a-file").write_text("")
    writer = TraceWriter(tmp_path / "a-file")
    big = Request("POST", "/", "", chat({}).headers, b"x" * (40 << 20))
    trace = RequestTrace(make_exchange(big), 0.0, (), ())
    with writer._changed:
        writer.add(trace)
        writer.add(trace)
    writer.close()
    assert writer.lost == 2
    assert "a trace could not be written" in caplog.text


def test_a_thread_for_which_there_is_no_memory_is_started_with_a_later_request(tmp_path):
    writer = TraceWriter(tmp_path)
    trace = RequestTrace(make_exchange(chat({})), 0.0, (), ())
    before = threading.stack_size(1 << 50)  # more than any address space
    try:
        writer.add(trace)
    finally:
        threading.stack_size(before)
    assert writer.lost == 1
    writer.add(trace)
    writer.close()
    assert writer.lost == 1
    assert len(list(read_lines(tmp_path / FOLDER))) == 1
