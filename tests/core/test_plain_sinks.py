"""Every place in which texts of clients and providers are written: none of them is a control sequence there, or a line
of its own, or a half of a surrogate pair that cannot be written."""

import io
import logging
import unicodedata

import msgspec
import pytest
from fakes import chat, make_exchange
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from aigw.books import prometheus, telemetry
from aigw.books.access_log import as_json
from aigw.books.metrics import Metrics
from aigw.books.summary import Group, Sums, summarise
from aigw.books.usage_question import Question
from aigw.books.usage_row import UsageRow
from aigw.cli.commands.doctor import render
from aigw.cli.commands.usage import _csv
from aigw.cli.doctor.check import Check
from aigw.cli.terminal.columns import columns
from aigw.cli.terminal.log import LogThread
from aigw.cli.terminal.output import say_text
from aigw.cli.views.request_line import line
from aigw.cli.views.top import View, whole
from aigw.cli.views.trace import lines
from aigw.cli.views.usage import fit, rich_table
from aigw.core.errors import GatewayError
from aigw.dialects.table import DIALECTS
from aigw.pipeline.pipeline import Route
from aigw.trace.build import record_line
from aigw.trace.record import TraceRecord
from aigw.trace.tracer import RequestTrace


def row(text):
    return UsageRow(id="1", at=1.0, route=text, asked=text, model=text, consumer=text, provider=text, error=text)


def exchange(text):
    made = make_exchange(chat({"model": text}), route=Route("route"))
    made.consumer = text
    made.original.path = f"/{text}"
    made.labels.remarks["plugin"] = made.labels.log_properties["p"] = made.labels.ai_log["question"] = text
    return made


def log(text, *, as_json=False):
    handler = LogThread(as_json=as_json)
    record = logging.LogRecord("aigw", logging.WARNING, __file__, 1, "%s at %d: %s", (text, 3, ValueError(text)), None)
    formatted = handler.format(record)
    handler.close()
    return formatted


def log_of_others(text):
    handler = LogThread()
    record = logging.LogRecord("asyncio", logging.ERROR, __file__, 1, f"it failed: {text}", None, None)
    formatted = handler.format(record)
    handler.close()
    first, *more = formatted.split("\n")
    assert all(each.startswith("  ") for each in more)
    return " ".join([first, *more])


def metrics(text):
    made = Metrics()
    made.add((text, text, text, text), {"input_token": 1})
    return prometheus.render(made.counts()).decode()


def attributes(text):
    made = telemetry._plain({**telemetry.attributes_of(row(text)), "a tag": text})
    return " ".join(map(str, made.values()))


def recording(text):
    made = exchange(text)
    made.request.headers["x-header"] = text
    return RequestTrace(made, 0.0, (), ())


def trace_file(text):
    return record_line(recording(text)).decode()


def trace_view(text):
    record = msgspec.json.decode(record_line(recording(text)), type=TraceRecord)
    record = msgspec.structs.replace(record, error=text, host=text, query=text)
    return "".join(str(each) for each in lines(record, 10_000))


def usage(text):
    group = Group((text, "x"), Sums(**dict.fromkeys(Sums.__struct_fields__, 1)), {}, 0.0)
    return summarise(Question(by=("model", "consumer"), until=10.0), [group], [0], 1.0)


def usage_table(text):
    console = Console(file=io.StringIO(), width=200)
    console.print(rich_table(fit(usage(text), usage(text).rows, 200)))
    return console.file.getvalue()


def usage_on_the_screen(text):
    console = Console(file=io.StringIO(), width=200)
    console.print(whole(View("1h", "here", ""), usage(text), 200).rich())
    return console.file.getvalue()


def error(dialect, text):
    return dialect.error(GatewayError(400, f"no model {text}"), "1").decode()


def error_event(dialect, text):
    return dialect.error_event(GatewayError(400, f"no model {text}"), "1").decode()


SINKS = {
    "log": log,
    "log of other libraries": log_of_others,
    "log as JSON": lambda text: log(text, as_json=True),
    "request line": lambda text: line(row(text), exchange(text)),
    "request line of a path": lambda text: line(msgspec.structs.replace(row(text), model=""), exchange(text)),
    "access log": lambda text: as_json(row(text.encode("utf-8", "replace").decode()), exchange(text)).decode(),
    "metrics": metrics,
    "OpenTelemetry": attributes,
    "trace file": trace_file,
    "trace": trace_view,
    "usage as CSV": lambda text: _csv(usage(text)),
    "usage": usage_table,
    "top": usage_on_the_screen,
    "table": lambda text: "\n".join(columns([("a", "b"), (f"x{text}", f"x{text}x")])),
    "doctor": lambda text: render(Check("name", "problem", f"it answers {text}", f"try {text}")),
    **{f"error of {name}": lambda text, each=each: error(each, text) for name, each in DIALECTS.items()},
    **{f"event of {name}": lambda text, each=each: error_event(each, text) for name, each in DIALECTS.items()},
}
UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Cs")
CONTROL = st.characters(categories=UNSEEN)
CHOSEN = "\x00\x07\x08\t\n\x0b\x0c\r\x1b\x1c\x1e\x7f\x80\x85\x9b\x9d\xad\u061c\u200b\u200d\u200e\u2028\u2029\u202e\u2066\ufeff\U000e0041"
"""Of each kind the best known."""


@pytest.mark.parametrize("name", SINKS)
@given(text=st.sampled_from(CHOSEN).map(lambda each: f"a{each}b") | st.text(st.characters() | CONTROL, max_size=8))
def test_no_text_is_a_control_sequence_or_a_line_of_its_own(name, text):
    written, harmless = SINKS[name](text), SINKS[name]("ab")
    assert len(written.splitlines()) == len(harmless.splitlines())
    assert not [each for each in written if unicodedata.category(each) in UNSEEN and each != "\n"]
    written.encode()


def test_what_a_command_says_is_plain_whoever_calls(capsys):
    say_text("one\x1b[31m\u202e\r\x9b\ntwo")
    say_text("\x07", err=True)
    assert capsys.readouterr() == ("one\ufffd[31m\ufffd\ufffd\ufffd\ntwo\n", "\ufffd\n")
