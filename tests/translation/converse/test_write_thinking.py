"""How much models at Bedrock shall think."""

import pytest

from aigw.providers.model_rules import BEDROCK
from aigw.translation.converse.write_thinking import settings_of, thinks
from aigw.translation.hub import Conversation, Reasoning
from aigw.translation.notes import Notes

CALLED = [{"role": "assistant", "content": [{"text": "so"}, {"toolUse": {}}]}, {"role": "user", "content": []}]


def settings(model, reasoning, messages=(), **more):
    notes = Notes()
    found = settings_of(Conversation(model=model, messages=(), reasoning=reasoning, **more), messages, BEDROCK, notes)
    return found, notes.lost


@pytest.mark.parametrize(
    ("model", "reasoning", "expected"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Reasoning("medium"), {"type": "enabled", "budget_tokens": 8192}),
        ("arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-3-7-sonnet-20250219-v1:0", Reasoning("", 2000),
         {"type": "enabled", "budget_tokens": 2000}),
        ("global.anthropic.claude-opus-4-7", Reasoning("none"), {"type": "disabled"}),
        ("global.anthropic.claude-opus-4-7", Reasoning(), None),
    ],
)  # fmt: skip
def test_anthropic(model, reasoning, expected):
    assert settings(model, reasoning) == ({} if expected is None else {"thinking": expected}, [])


def test_newer_models_take_an_effort_beside_their_thinking():
    found, lost = settings("anthropic.claude-opus-4-7", Reasoning("high"))
    assert found == {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}
    assert (thinks(found), lost) == (True, [])


@pytest.mark.parametrize("model", ["amazon.nova-pro-v1:0", "anthropic.claude-3-haiku-20240307-v1:0"])
def test_who_cannot(model):
    assert settings(model, Reasoning("high")) == ({}, ["how much to think"])
    assert settings(model, Reasoning("none")) == ({}, [])


def test_a_turn_whose_thoughts_did_not_come_back():
    model = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    found, lost = settings(model, Reasoning("low"), CALLED)
    assert (found, lost) == ({}, ["thinking in a turn whose first thoughts did not come back"])
    CALLED[0]["content"][0] = {"reasoningContent": {}}
    assert thinks(settings(model, Reasoning("low"), CALLED)[0])
