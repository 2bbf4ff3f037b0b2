"""aigw/traffic/writing/folder_writer.py: the names of recordings, and what is written."""

from dataclasses import replace
from pathlib import Path

import pytest
from recorded_calls import RULES, chat_call, said, user, written

from aigw.traffic.format.call import MAX_ANSWER, Begun
from aigw.traffic.format.folder import MAX_FILE, Folder
from aigw.traffic.writing.folder_writer import FolderWriter

KEY = "sk-proj-abcdefghijklmnop"
OURS = "correct-horse-battery-staple"


def plain_call(path, **sent) -> Begun:
    """A call of a route with an upstream of its own."""
    call = chat_call(user("hi"))
    return call._replace(sent=call.sent._replace(method="GET", path=path, body=b"", **sent), api="", dialect="")


def names(folder):
    return sorted(each.name for each in folder.path.iterdir())


def everything(folder):
    return b"".join(each.read_bytes() for each in folder.path.iterdir()).decode()


def test_a_call_of_no_api_is_named_by_its_path(tmp_path):
    folder = written(tmp_path, (plain_call("/pets/Rex%20the%20dog/"), said("yo")), (plain_call("/"), said("yo")))
    assert names(folder) == ["001-01-Rex_20the_20dog.json", "002-01-call.json"]


def test_no_secret_is_in_a_name_or_in_a_path(tmp_path):
    bearer = (("authorization", "Bearer the-key-of-this-call"),)
    folder = written(
        tmp_path,
        (plain_call(f"/v1/keys/{KEY}"), said("yo")),
        (plain_call(f"/v1/keys/{OURS}"), said("yo")),
        (plain_call("/v1/keys/the-key-of-this-call", headers=bearer), said("yo")),
        secrets=(OURS,),
    )
    assert names(folder) == ["001-01-call.json", "002-01-call.json", "003-01-call.json"]
    for part in ("abcdef", "horse", "the-key"):
        assert part not in everything(folder)


def test_no_secret_is_in_the_name_of_a_session(tmp_path):
    calls = [chat_call(user("hi"), headers=(("x-aigw-session", name),)) for name in (KEY, f"../../{OURS}")]
    folder = written(tmp_path, *((call, said("yo")) for call in calls), secrets=(OURS,))
    assert [entry.session_name for entry in folder.entries()] == ["***", "../../***"]
    assert "abcdef" not in everything(folder) and "horse" not in everything(folder)


def test_a_key_in_the_query_is_hidden_where_the_answer_quotes_it(tmp_path):
    key = "0123456789abcdefQRSTUV"
    folder = written(tmp_path, (plain_call("/v1/pets", query=f"key={key}&page=2"), said(f"{key} is not valid")))
    recording = folder.read(folder.entries()[0].name)
    assert recording.request.query == "page=2"
    assert key not in everything(folder)


def test_what_finds_a_request_with_a_secret_has_none(tmp_path):
    """Otherwise a request with another secret in its place would not find it."""
    one, other = (
        written(tmp_path / name, (chat_call(user(f"my key is {key}")), said("yo"))).entries()[0]
        for name, key in (("a", KEY), ("b", KEY + "qrst"))
    )
    assert (one.redacted, one.key) == (True, other.key)


def test_what_nobody_could_read_again_is_not_written(tmp_path):
    """One such file would make the folder useless."""
    folder = Folder(tmp_path)
    folder_writer = FolderWriter(folder, folder.claim("r1"), RULES, (), "c")
    calls = [
        (chat_call(user("x" * (MAX_FILE + 1))), said("yo")),
        (chat_call(user("hi")), replace(said("yo"), size=MAX_ANSWER + 1)),
        (chat_call(user("hi")), said("yo")),
    ]
    for number, (begun, _) in enumerate(calls):
        folder_writer.begun(number, begun)
    told = [folder_writer.answered(number, answered) for number, (_, answered) in enumerate(calls)]
    assert told == [
        f"{tmp_path}/001-01-chat.json was not written: it would be larger than 64 MiB",
        f"{tmp_path}/002-01-chat.json was not written: the answer is larger than 128 MiB",
        "",
    ]
    assert [entry.name for entry in folder.entries()] == ["003-01-chat.json"]


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{")])
def test_a_recording_that_is_damaged_is_replaced(tmp_path, damage):
    folder = written(tmp_path, (chat_call(user("hi")), said("old")))
    damage(tmp_path / "001-01-chat.json")
    folder_writer = FolderWriter(folder, folder.claim("r1"), RULES, (), "c")
    folder_writer.begun(0, chat_call(user("hi"))._replace(replaces="001-01-chat.json"))
    assert folder_writer.answered(0, said("new")) == ""
    assert folder.read("001-01-chat.json").answer.text == ["new"]
