"""Secrets, in pieces here, so that no scanner takes this file for a leak."""

import pytest

from aigw.guard.credentials import RULES

GITHUB = "ghp_" + "FAKE" * 7 + "00" + "2wbUex"


def found(text):
    return [(rule.name, text[start:end]) for rule in RULES for start, end in rule.find(text)]


@pytest.mark.parametrize("text", [f"token {GITHUB}'", f"密钥是{GITHUB}。"])
def test_found(text):
    assert found(text) == [("github-token", GITHUB)]


@pytest.mark.parametrize("text", [GITHUB[:-1] + "y", GITHUB[:-1], GITHUB + "x"])
def test_not_found(text):
    assert found(text) == []
