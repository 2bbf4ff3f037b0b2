"""Which bodies of pictures, ranks and moderations have what was asked for."""

import pytest

from aigw.dialects import apis
from aigw.dialects.result_check import failed_state, is_nothing


@pytest.mark.parametrize("name", ["status", "state", "result", "outcome", "task_status"])
@pytest.mark.parametrize("word", ["failed", "Error", " CANCELLED ", "canceled", "timeout"])
def test_a_state_that_is_a_failure(name, word):
    told = failed_state({"id": "x", name: word})
    assert told == {"message": f"the provider's answer says {name}: {word}", "code": word.strip().lower()}
    assert failed_state({"id": "x", name: word, "message": "full"})["message"] == "full"


@pytest.mark.parametrize("word", ["ok", "completed", "queued", "", None, 0, ["failed"], {"failed": 1}])
def test_a_state_that_is_none(word):
    assert failed_state({"id": "x", "status": word, "result": word}) is None


@pytest.mark.parametrize(
    ("api", "body", "nothing"),
    [
        (apis.IMAGE_GENERATION, True, True),
        (apis.IMAGE_GENERATION, [{"url": "u"}], True),
        (apis.IMAGE_GENERATION, {"created": 1, "data": []}, True),
        (apis.IMAGE_GENERATION, {"created": 1, "data": [{"url": "u"}]}, False),
        (apis.IMAGE_GENERATION, {"id": "t", "status": "processing"}, False),
        (apis.IMAGE_GENERATION, {"id": "t", "status": "succeeded"}, True),
        (apis.MODERATIONS, {"id": "m", "model": "m"}, True),
        (apis.RERANK, {"results": []}, False),
        (apis.RERANK, [], False),
        (apis.RERANK, ["a"], True),
        (apis.RERANK, {"id": "r"}, True),
        (apis.FILES, {"id": "f"}, False),
        (apis.FILES, "f", True),
    ],
)
def test_what_no_client_could_use(api, body, nothing):
    assert is_nothing(api, body) == nothing
