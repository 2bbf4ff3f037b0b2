"""aigw/cli/views/junit.py: what a CI system reads of a run, whatever the texts are."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from aigw.cli.sources.run_calls import ProgramCall, ProgramCalls
from aigw.cli.views.junit import junit
from aigw.traffic.replay.report import Missed, Report


def suite_of(calls, report, why=(), *, all_used=False):
    noted = ProgramCalls()
    noted.each = calls
    return ElementTree.fromstring(junit(noted, report, list(why), all_used=all_used)).find("testsuite")


def call(id, **fields):
    return ProgramCall(
        **{
            "id": id,
            "request": "POST /v1/chat/completions",
            "model": "echo",
            "status": 200,
            "seconds": 0.5,
            "recording": "",
            "error": "",
            "failed": False,
            **fields,
        }
    )


def test_a_case_a_call():
    report = Report(
        missed=[Missed("POST /x", "no recording\n  a: 1 -> 2", "2")], diverged=[Missed("POST /y", "differs", "1")]
    )
    suite = suite_of([call("1", recording="001-01-chat.json"), call("2", status=404)], report)
    assert (suite.get("tests"), suite.get("failures"), suite.get("time")) == ("2", "1", "1.000")
    first, second = suite
    assert first.get("name") == "001 POST /v1/chat/completions echo"
    assert first.find("failure") is None
    assert first.find("system-out").text == "status 200\n001-01-chat.json\ndiffers"
    assert second.find("failure").get("message") == "no recording"
    assert second.find("failure").text == "no recording\n  a: 1 -> 2"


def test_what_no_call_of_the_command_stands_for():
    """A miss of a plugin's own call, a recording that was not used, and a disk that is full."""
    report = Report(missed=[Missed("POST /embed", "gone", "")], unused=["001-01-chat.json"], failure="disk full")
    assert [case.get("name") for case in suite_of([], report, ["stopped"])] == ["POST /embed", "recording"]
    names = [case.get("name") for case in suite_of([], report, ["stopped"], all_used=True)]
    assert names == ["POST /embed", "recording 001-01-chat.json", "recording"]


@given(st.text(), st.text())
def test_hostile_texts(text, model):
    suite = suite_of(
        [call("1", model=model), call("2", model=model, error=text)], Report(missed=[Missed(text, text, "1")])
    )
    assert [len(case) for case in suite] == [1, 1]
