"""How well the screen tells labelled texts apart. Their files say what they are; secrets stand in them in pieces."""

import json
from pathlib import Path

import pytest

from aigw.guard.screen import Screen
from aigw.guard.settings import GuardSettings

DATA = Path(__file__).parents[1] / "data"
TEXTS = [
    (each["id"], each["label"], "".join(each["text"]))
    for name in ("guard-texts.json", "guard-more-texts.json")
    for each in json.loads((DATA / name).read_text(encoding="utf-8"))["texts"]
]
SCREEN = Screen(GuardSettings())


def those(label):
    return [pytest.param(text, id=name) for name, its, text in TEXTS if its == label]


@pytest.mark.parametrize("text", those("benign"))
def test_nothing_is_found_in_what_is_harmless(text):
    assert SCREEN.screen(text).findings == []


@pytest.mark.parametrize("text", those("sensitive"))
def test_personal_data_and_secrets_are_masked(text):
    screened = SCREEN.screen(text)
    assert {each.action for each in screened.findings} == {"mask"}
    assert not any(text[each.start : each.end] in screened.masked for each in screened.findings)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_most_attacks_by_known_wording_are_reported(lang):
    attacks = [text for name, label, text in TEXTS if label == "attack" and f"{lang}-" in name]
    found = [text for text in attacks if any(each.label == "prompt_attack" for each in SCREEN.screen(text).findings)]
    assert len(found) >= 0.8 * len(attacks)


def test_harmful_content_is_not_found_without_words_of_the_user():
    assert not any(SCREEN.screen(text).findings for _, label, text in TEXTS if label == "harmful")


def test_the_files_hold_no_whole_secret():
    for name in ("guard-texts.json", "guard-more-texts.json"):
        written = (DATA / name).read_text(encoding="utf-8")
        assert not [each.rule for each in SCREEN.screen(written).findings if each.label == "secret"]
