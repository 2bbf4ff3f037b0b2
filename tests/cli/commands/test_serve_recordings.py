"""aigw/cli/commands/serve.py: `aigw serve --record`, `--replay` and the others, as processes."""

import json
import logging
import signal
import threading

import pytest
from recorded_calls import chat_call, said, user, written
from serving import chat, serving, stopped

from aigw.cli.sources.recordings import closing
from aigw.traffic.format.folder import Folder


@pytest.fixture
def serve(tmp_path):
    with serving(tmp_path) as serve:
        yield serve


def test_a_run_is_recorded_and_replayed(tmp_path, serve):
    process, url = serve("--record", "recs")
    before = chat(url)
    assert "recs: 1 written" in stopped(process)
    process, url = serve("--replay", "recs")
    assert chat(url) == before
    status, body = chat(url, "Hello?")
    assert (status, json.loads(body)["error"]["code"]) == (404, "no_recording")
    assert "recs: 1 replayed, 1 missed" in stopped(process)
    assert (tmp_path / ".aigw" / "replay" / "usage.sqlite").exists()  # the books of what was really spent are others


def test_a_machine_without_keys_replays_what_one_with_keys_recorded(tmp_path, serve):
    real = {"OPENAI_API_KEY": "sk-real-key-of-somebody", "OPENAI_BASE_URL": "http://127.0.0.1:9"}
    process, url = serve("--record", "recs", **real)
    assert chat(url, model="gpt-4o")[0] == 502
    stopped(process)
    (entry,) = Folder(tmp_path / "recs").entries()
    assert entry.service == "openai"
    process, url = serve("--replay", "recs")
    assert chat(url, model="gpt-4o")[0] == 502
    assert "recs: 1 replayed" in stopped(process)


def test_a_file_that_names_keys_is_served_without_them(tmp_path, serve):
    (tmp_path / "aigw.yaml").write_text(
        "plugins: {ai-proxy: {provider: {type: openai, apiTokens: ['${NO_SUCH_KEY}'], "
        "openaiCustomUrl: 'http://127.0.0.1:9/v1'}}}"
    )
    process, url = serve("--record", "recs", NO_SUCH_KEY="sk-real-key-of-somebody")
    before = chat(url)
    stopped(process)
    process, url = serve("--replay", "recs")
    assert chat(url)[0] == before[0] == 502
    assert "1 replayed" in stopped(process)


def test_a_key_that_comes_while_it_records_is_hidden(tmp_path, serve):
    text = "admin_key: {}-key-of-ours\nplugins: {{ai-proxy: {{provider: {{type: builtin}}}}}}\n"
    (tmp_path / "aigw.yaml").write_text(text.format("old"))
    process, url = serve("--record", "recs")
    (tmp_path / "aigw.yaml").write_text(text.format("new"))
    while "has changed" not in process.stderr.readline():
        pass
    chat(url, "old-key-of-ours new-key-of-ours")
    stopped(process)
    (file,) = (tmp_path / "recs").glob("*.json")
    assert Folder(tmp_path / "recs").read(file.name).answer.text == ["*** ***"]
    assert "key-of-ours" not in file.read_text()


def test_recordings_are_whole_whenever_it_is_killed(tmp_path, serve):
    process, url = serve("--record", "recs")
    for number in range(30):
        chat(url, f"Hello {number}!")
    process.kill()
    process.communicate()
    folder = Folder(tmp_path / "recs")
    for entry in folder.entries():
        assert folder.read(entry.name).answer.text[0].startswith("Hello")


def test_two_gateways_record_into_one_folder(tmp_path, serve):
    one, first = serve("--record", "recs")
    other, second = serve("--record", "recs")
    for number in range(5):
        chat(first, f"one {number}")
        chat(second, f"other {number}")
    assert "5 written" in stopped(one)
    assert "5 written" in stopped(other)
    folder = Folder(tmp_path / "recs")
    texts = {folder.read(entry.name).answer.text[0] for entry in folder.entries()}
    assert texts == {f"{which} {number}" for which in ("one", "other") for number in range(5)}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--replay", "none"), 1, "there is no folder none"),
        (("--replay", "a", "--record", "b"), 2, "choose one of --record and --replay"),
        (("--record", "a", "--workers", "2"), 2, "needs a single process"),
        (("--record", "file"), 1, "file: cannot record here"),
    ],
)
def test_what_cannot_be_is_said(tmp_path, serve, words, code, said):
    (tmp_path / "file").write_text("")
    process, _ = serve(*words)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, said in " ".join(err.split())) == (code, True), err


def test_a_configuration_that_says_replay_needs_no_key_either(tmp_path, serve):
    providers = [{"id": "far", "type": "openai", "apiTokens": ["${OPENAI_API_KEY}"]}, {"id": "near", "type": "builtin"}]
    config = {"plugins": {"ai-proxy": {"providers": providers, "activeProviderId": "near"}}}
    (tmp_path / "aigw.yaml").write_text(json.dumps(config))
    process, url = serve("--record", "recs", OPENAI_API_KEY="sk-1")
    before = chat(url)
    stopped(process)
    (tmp_path / "aigw.yaml").write_text(json.dumps({**config, "record": {"mode": "replay", "dir": "recs"}}))
    process, url = serve()
    assert url, process.stderr.read()
    assert chat(url) == before
    assert "recs: 1 replayed" in stopped(process)


def test_what_is_replayed_counts_anew_each_time(tmp_path, serve):
    (tmp_path / "aigw.yaml").write_text(
        "plugins: {ai-proxy: {provider: {type: builtin}}, ai-budget: {budgets: [{name: a, per: day, calls: 1}]}}"
    )
    process, url = serve("--record", "recs")
    assert [chat(url)[0] for _ in range(2)] == [200, 402]
    stopped(process)
    for _ in range(2):
        process, url = serve("--replay", "recs")
        assert [chat(url)[0] for _ in range(2)] == [200, 402]
        stopped(process)


def test_several_processes_cannot_record_as_the_configuration_says(tmp_path, serve):
    (tmp_path / "aigw.yaml").write_text("plugins: {ai-proxy: {provider: {type: builtin}}}\nrecord: {mode: record}\n")
    process, _ = serve("--workers", "2")
    _, err = process.communicate(timeout=30)
    assert (process.returncode, "record needs a single process" in " ".join(err.split())) == (2, True), err


def test_what_an_ollama_answered_is_replayed_where_there_is_none(tmp_path, serve):
    call = chat_call(user("Hello!"))
    sent = call.sent._replace(body=call.sent.body.replace(b"gpt-4o", b"llama3:8b"))
    written(tmp_path / "recs", (call._replace(sent=sent, client=sent, service="ollama", model="llama3:8b"), said("yo")))
    process, url = serve("--replay", "recs")
    status, body = chat(url, model="llama3:8b")
    assert (status, b'"yo"' in body) == (200, True)
    assert "1 replayed" in stopped(process)


async def test_at_the_end_it_is_said_if_writing_takes_long(caplog):
    class Slow:
        path = "recs"

        def __init__(self):
            self.may_end = threading.Event()

        def close(self):
            assert self.may_end.wait(30)

    class Ends(logging.Handler):
        def emit(self, record):
            slow.may_end.set()

    slow, ends = Slow(), Ends()
    logging.getLogger("aigw").addHandler(ends)
    try:
        async with closing(slow, patience=0.001):
            pass
    finally:
        logging.getLogger("aigw").removeHandler(ends)
    assert "recs: still writing what was recorded; another Ctrl-C loses the rest" in caplog.text


def test_a_recording_that_failed_is_told_by_the_exit_code(tmp_path, serve):
    process, url = serve("--record", "recs")
    assert chat(url)[0] == 200
    (tmp_path / "recs").rename(tmp_path / "elsewhere")
    assert chat(url)[0] == 200  # traffic goes on
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, "recording has stopped" in err) == (1, True), err
