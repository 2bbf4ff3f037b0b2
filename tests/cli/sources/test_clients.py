"""The table of clients: what stands in it can be pasted."""

import ast
import json
import re
import tomllib

import pytest
import yaml

from aigw.cli.sources.clients import CLIENTS, client_of
from aigw.cli.sources.entrance import Entrance
from aigw.cli.views.env import filled

HERE = Entrance("http://127.0.0.1:4700", "qwen/x:1")
READERS = {
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".yaml": yaml.safe_load,
    "your program (pip": ast.parse,
    "your program (npm": lambda text: re.findall(r"https?://\S+", text)[0],
    "Settings": str.splitlines,
}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda each: each.name)
def test_each_row_is_complete(client):
    assert client.variables or client.text
    assert bool(client.text) == bool(client.file)
    everything = json.dumps(client)
    assert "{url}" in everything or "{base}" in everything
    assert "{key}" in everything
    assert set(re.findall(r"\{(\w+)\}", everything)) <= {"url", "base", "key", "model"}
    assert bool(client.program) == bool(client.keys)


@pytest.mark.parametrize("client", [each for each in CLIENTS if each.text], ids=lambda each: each.name)
def test_what_goes_into_a_file_is_in_its_format(client):
    (read,) = [read for name, read in READERS.items() if name in client.file]
    assert read(filled(client.text, HERE))
    assert client.text.endswith("\n")


def test_names_and_programs_find_one_client_each():
    names = [name for each in CLIENTS for name in {each.name, each.program} if name]
    assert len(names) == len(set(names))
    assert client_of("Claude").name == client_of("claude-code").name == "claude-code"


@pytest.mark.parametrize(("typed", "hint"), [("cluade", "did you mean 'claude'?"), ("xyzxyz", "there are openai, ")])
def test_a_name_that_is_not_there(typed, hint):
    with pytest.raises(ValueError, match=re.escape(f"there is no client {typed!r}; {hint}")):
        client_of(typed)
