"""The section `guard:`: what is wrong with it, and its files of words."""

import pytest

from aigw.config.load import load
from aigw.guard.settings import LONGEST_WORD, MOST_BYTES


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("guard: {off: [emial]}", "guard.off[0]: there is no rule 'emial'; did you mean 'email'?"),
        (
            "guard: {actions: {secrets: block}}",
            "guard.actions.secrets: there is no rule or label 'secrets'; did you mean 'secret'?",
        ),
        ("guard: {actions: {card: hide}}", "guard.actions.card: must be one of block, mask, report, got 'hide'"),
        ("guard: {rules: [{label: x}]}", "guard.rules[0]: needs words, file or regex"),
        ("guard: {rules: [{label: card, words: [a]}]}", "guard.rules[0].label: 'card' is a rule that comes with aigw"),
        ("guard: {rules: [{label: x, words: [' ']}]}", "guard.rules[0].words[0]: must not be empty"),
        ("guard: {rules: [{label: x, regex: ['a(']}]}", "guard.rules[0].regex[0]: is no RE2 pattern: missing )"),
        (
            "guard: {rules: [{label: x, words: [a]}, {label: x, words: [b]}]}",
            "guard.rules[1].label: 'x' is already the label of rules[0]",
        ),
        ("guard: {rules: [{label: 'a b', words: [a]}]}", "guard.rules[0].label: must look like"),
        (
            f"guard: {{rules: [{{label: x, words: [{'a' * 201}]}}]}}",
            "guard.rules[0].words[0]: has 201 characters, more",
        ),
        ("guard: {rules: [{label: x, words: [a], allow: ['']}]}", "guard.rules[0].allow[0]: must not be empty"),
        (
            "guard: {rules: [{label: x, file: w.txt}]}",
            "guard.rules[0].file: there is no file w.txt; it has a word a line",
        ),
        ("guard: {rules: [{label: x, file: .}]}", "guard.rules[0].file: . is not a file"),
        ("guard: {stict: true}", "guard: unknown key 'stict'; did you mean 'strict'?"),
    ],
)
def test_findings(read_config, text, finding):
    loaded, errors, _ = read_config(text)
    assert loaded is None
    assert len(errors) == 1
    assert errors[0].startswith(f"aigw.yaml:1 {finding}")


FILED = "guard: {rules: [{label: x, words: [own], file: words/w.txt}]}"


def write(folder, data):
    (folder / "words").mkdir(exist_ok=True)
    (folder / "words" / "w.txt").write_bytes(data)


def test_words_of_a_file_stand_behind_those_of_the_rule(read_config, tmp_path):
    write(tmp_path, "\ufeff# names\n猎鹰\r\n\n  Falcon \n".encode())
    loaded, _, _ = read_config(FILED)
    (rule,) = loaded.guard.rules
    assert rule.words == ["own", "猎鹰", "Falcon"]
    assert loaded.files == (tmp_path / "words" / "w.txt",)
    assert loaded.config.guard.rules[0].words == ["own"]


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (b"\xff\xfe", "words/w.txt is not UTF-8"),
        (b"a" * (MOST_BYTES + 1), "words/w.txt is larger than 4 MiB"),
        (b"a\n" + b"a" * (LONGEST_WORD + 1), "words/w.txt:2 has 201 characters, more than 200"),
    ],
)
def test_a_file_that_has_no_words(read_config, tmp_path, data, finding):
    write(tmp_path, data)
    _, errors, _ = read_config(FILED)
    assert errors == [f"aigw.yaml:1 guard.rules[0].file: {finding}"]


def test_without_a_section_nothing_is_read():
    loaded = load(None, {})
    assert (loaded.guard, loaded.files) == (loaded.config.guard, ())
