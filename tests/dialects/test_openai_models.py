import json

from aigw.dialects.openai_models import ModelList, encode_list, model_entry

A, B = model_entry("a", 1, "x"), model_entry("b", 2, "y")


def test_models_by_their_ids_without_what_has_none():
    assert ModelList([A, {"object": "model"}, {"id": 5}, "a", B]).by_id() == {"a": A, "b": B}


def test_a_list_as_openai_writes_it():
    model = {"id": "a", "object": "model", "created": 1, "owned_by": "x"}
    assert json.loads(encode_list([A])) == {"object": "list", "data": [model]}
