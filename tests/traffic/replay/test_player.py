"""aigw/traffic/replay/player.py: what is played again, and what is counted."""

import pytest
from fakes import chat, make_exchange
from recorded_calls import RULES, said, written

from aigw.core.errors import GatewayError
from aigw.core.model import Origin, Target
from aigw.traffic.format.call import Answered, begun
from aigw.traffic.replay.player import REMARK, FolderPlayer
from aigw.traffic.settings import RecordSettings
from aigw.upstream.tape import Outgoing

TARGET = Target(Origin("https", "api.openai.com", 443), "api.openai.com")
HELLO = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]}
KEY = "opensesame-0123456789"


def outgoing(body=HELLO, *, target=TARGET, path="/v1/chat/completions", key="", mapped="gpt-4o"):
    exchange = make_exchange(chat(body, path=path, headers={"authorization": f"Bearer {key}"}))
    exchange.mapped = mapped
    del exchange.request.headers["authorization"]
    return Outgoing(exchange.request, target, exchange)


def player(tmp_path, *calls):
    folder = written(tmp_path / "recs", *((begun(call, 0.0), said("yo")) for call in calls))
    return FolderPlayer(folder, RecordSettings(mode="replay"), RULES, ())


async def test_what_was_asked_before_is_answered_and_counted_again(tmp_path):
    found, again = player(tmp_path, outgoing()), outgoing()
    first = await found.find(outgoing())
    assert await found.find(again) is first
    assert (found.report.hits, found.report.repeats) == (2, 1)
    assert again.exchange.labels.remarks[REMARK] == "001-01-chat.json"


@pytest.mark.parametrize(
    "other",
    [
        {"body": HELLO | {"seed": 1}},
        {"path": "/v1/chat/completions?beta=1"},
        {"path": "/v2/chat/completions"},
        {"mapped": "gpt-5"},
        {"target": Target(TARGET.origin, "eu.api.openai.com")},
    ],
)
async def test_what_differs_from_what_was_asked_before_is_a_miss(tmp_path, other):
    found = player(tmp_path, outgoing())
    for _ in range(2):
        assert await found.find(outgoing()) is not None
        with pytest.raises(GatewayError, match="no recording"):
            await found.find(outgoing(**other))
    assert len(found.report.missed) == 2


async def test_of_what_a_client_left_before_an_answer_began_nothing_can_be_played(tmp_path):
    """It has run into its timeout: no difference of requests explains that."""
    folder = written(tmp_path / "recs", (begun(outgoing(), 0.0), Answered(after=1.0)))
    with pytest.raises(
        GatewayError, match=r"left before an answer began when 001-01-chat\.json was recorded"
    ) as caught:
        await FolderPlayer(folder, RecordSettings(mode="replay"), RULES, ()).find(outgoing())
    assert str(caught.value).endswith("\nGive the client more time: --auto or --refresh records it again.")


async def test_a_secret_of_one_client_is_none_of_another(tmp_path):
    body = HELLO | {"user": KEY}
    found = player(tmp_path, outgoing(body, key=KEY))
    assert await found.find(outgoing(body, key=KEY)) is not None
    with pytest.raises(GatewayError):
        await found.find(outgoing(body, key="another"))


def edited(tmp_path, **change):
    """A folder with one recording, the question of which somebody has edited."""
    folder = player(tmp_path, outgoing())._folder
    file = folder.path / "001-01-chat.json"
    text = file.read_text()
    file.write_text(text.replace("Hello!", "Hello?").replace(*change.get("also", ("", ""))))
    return FolderPlayer(folder, RecordSettings(mode="replay"), RULES, ())


OTHER = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello?"}]}


async def test_a_recording_that_was_edited_and_keeps_its_key_is_named(tmp_path, caplog):
    found = edited(tmp_path)
    with pytest.raises(GatewayError, match="no recording"):
        await found.find(outgoing(OTHER))
    assert found.report.missed[0].text.splitlines()[1:] == [
        "001-01-chat.json was edited: it has this request, but the key of another one.",
        'Take the line "key" out of it, and it is found.',
    ]
    assert await found.find(outgoing()) is not None
    assert await found.find(outgoing()) is not None
    assert caplog.text.count("001-01-chat.json: it was edited: it answers another request than it has") == 1


async def test_without_its_key_it_is_found(tmp_path, caplog):
    edited(tmp_path)
    lines = (tmp_path / "recs/001-01-chat.json").read_text().splitlines(keepends=True)
    found = edited(tmp_path / "b", also=(next(line for line in lines if '"key"' in line), ""))
    assert await found.find(outgoing(OTHER)) is not None
    assert caplog.text == ""
