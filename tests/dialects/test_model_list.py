"""One list of models in each of three shapes, never a mixture."""

import json

import pytest

from aigw.dialects.model_list import encode, entries_of, names_of, only, reshape, shape_of, tells_models

OPENAI = {"object": "list", "data": [{"id": "gpt-4o", "object": "model", "created": 1, "owned_by": "openai"}]}
ANTHROPIC = {
    "data": [{"type": "model", "id": "claude-x", "display_name": "Claude X", "created_at": "2025-02-19T00:00:00Z"}],
    "has_more": False, "first_id": "claude-x", "last_id": "claude-x",
}  # fmt: skip
GEMINI = {"models": [{"name": "models/gemini-x", "displayName": "Gemini X", "inputTokenLimit": 7}]}
COMPATIBLE = {"object": "list", "data": [{"id": "models/gemini-x", "object": "model", "owned_by": "google"}]}
SHAPES = {"openai": OPENAI, "anthropic": ANTHROPIC, "gemini": GEMINI}


@pytest.mark.parametrize("wanted", SHAPES)
@pytest.mark.parametrize("given", SHAPES)
def test_every_shape_becomes_every_other(given, wanted):
    made = reshape(SHAPES[given], wanted)
    if given == wanted:
        assert made is None
        return
    made = json.loads(made)
    assert made.keys() == SHAPES[wanted].keys()
    (entry,) = entries_of(made)
    assert entry["id"] == entries_of(SHAPES[given])[0]["id"]
    assert reshape(made, wanted) is None


def test_a_joined_list_has_one_shape_and_no_prefix():
    entries = [each for body in (OPENAI, ANTHROPIC, GEMINI, COMPATIBLE) for each in entries_of(body)]
    openai = json.loads(encode(entries, "openai"))
    assert [(each["id"], each["object"]) for each in openai["data"]] == [
        ("gpt-4o", "model"), ("claude-x", "model"), ("gemini-x", "model"), ("gemini-x", "model")
    ]  # fmt: skip
    assert openai["data"][1]["created"] == 1739923200
    anthropic = json.loads(encode(entries, "anthropic"))
    assert {each["type"] for each in anthropic["data"]} == {"model"}
    assert (anthropic["first_id"], anthropic["last_id"]) == ("gpt-4o", "gemini-x")
    gemini = json.loads(encode(entries, "gemini"))
    assert [each["name"] for each in gemini["models"]][1:3] == ["models/claude-x", "models/gemini-x"]
    assert gemini["models"][2] == GEMINI["models"][0]


def test_one_model_is_reshaped_as_well():
    assert json.loads(reshape(ANTHROPIC["data"][0], "openai"))["object"] == "model"
    assert json.loads(reshape(OPENAI["data"][0], "gemini"))["name"] == "models/gpt-4o"
    assert reshape(GEMINI["models"][0], "gemini") is None


@pytest.mark.parametrize("body", [None, [], {}, {"data": 7}, {"error": {"message": "x"}}, {"id": 5}, "x"])
def test_what_is_no_list_stays(body):
    assert reshape(body, "openai") is None


@pytest.mark.parametrize("entry", [{"created_at": "nonsense"}, {"created": -1}, {"created": "x"}, {"created": 10**40}])
def test_odd_dates_are_no_obstacle(entry):
    assert json.loads(reshape({"data": [{"id": "m", "object": "model", **entry}]}, "anthropic"))["data"][0]["id"] == "m"


def test_whose_shape():
    assert [shape_of(name) for name in ("generic", "anthropic-generic", "gemini-generic")] == [
        "openai",
        "anthropic",
        "gemini",
    ]


@pytest.mark.parametrize("body", [{"data": []}, {"models": [{}]}, [{"id": "m"}], {"id": "m"}, {"name": "models/m"}])
def test_what_tells_of_models(body):
    assert tells_models(body)


@pytest.mark.parametrize("body", [None, {}, [], {"data": None}, {"object": "list"}, "m"])
def test_what_tells_of_no_models(body):
    assert not tells_models(body)


@pytest.mark.parametrize("given", SHAPES.values(), ids=SHAPES)
def test_a_part_of_a_list_keeps_its_shape(given):
    field = "data" if "data" in given else "models"
    (entry,) = given[field]
    other = {**entry, "id" if "id" in entry else "name": "other"}
    both = {**given, field: [entry, other]}
    assert names_of(both) == [*names_of(given), "other"]
    assert json.loads(only(both, names_of(given))) == given
    assert json.loads(only(both, ["other"]))[field] == [other]
    assert json.loads(only(both, ()))[field] == []
