"""Every API by its path, behind any prefix, and the ids carried over to a provider's path."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects import apis
from aigw.dialects.apis import PATHS, detect, fill

segment = st.text(st.characters(codec="utf-8", exclude_characters="/{}?"), min_size=1, max_size=12)


def with_ids(path: str) -> str:
    return re.sub(r"\{(\w+)\}", r"id-of-\1", path)


@pytest.mark.parametrize(("name", "path"), PATHS.items())
@pytest.mark.parametrize("prefix", ["", "/team-a", "/api/openai", "/v1/proxy", "/compatible-mode"])
def test_every_api_is_known_by_the_end_of_its_path(name: str, path: str, prefix: str) -> None:
    assert detect(prefix + with_ids(path)) == name


@pytest.mark.parametrize(
    "path",
    ["", "/", "/foo/bar", "/v1", "/v1/", "/v1/chat", "/chat/completions", "/v1/chat/completions/", "/v1/files/",
     "/v1/files//content", "/v1/files/a/b", "/v1/batches/x/stop", "/xv1/embeddings", "/v1/responses/r1",
     "/v1/fine_tuning/jobs/j/explode", "/v1beta/models/gemini-2.5-pro", "/models/x:generateContent"],
)  # fmt: skip
def test_other_paths_are_no_api(path: str) -> None:
    """A request for such a path is passed on as it is."""
    assert detect(path) is None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/files/v1/content", apis.RETRIEVE_FILE_CONTENT),
        ("/v1/v1/chat/completions", apis.CHAT),
        ("/v1/files/x/v1/embeddings", apis.EMBEDDINGS),
        ("/v1beta/models/gemini-2.5-pro:generateContent", apis.GENERATE_CONTENT),
        ("/g/v1/models/a/b:streamGenerateContent", apis.STREAM_GENERATE_CONTENT),
    ],
)
def test_confusing_paths(path: str, name: str) -> None:
    assert detect(path) == name


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("/compatible-mode/v1/files/{file_id}", "/x/v1/files/f-1", "/compatible-mode/v1/files/f-1"),
        ("/v1/files/{file_id}/content", "/v1/files/f%201/content", "/v1/files/f%201/content"),
        ("/openai/batches/{batch_id}/cancel", "/v1/batches/b/cancel", "/openai/batches/b/cancel"),
        ("/alt/chat", "/v1/chat/completions", "/alt/chat"),
        ("/openai/deployments/{model}/embeddings", "/v1/embeddings", "/openai/deployments/{model}/embeddings"),
        ("/{api_version}/models/{model}:x", "/g/v1/models/m:generateContent", "/v1/models/m:x"),
        ("/v1/x/{file_id}", "/v1/batches/b", "/v1/x/{file_id}"),
    ],
)  # fmt: skip
def test_ids_of_the_client_go_into_the_providers_path(template: str, path: str, expected: str) -> None:
    assert fill(template, path) == expected


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/g/v1beta/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro"),
        ("/v1/models/a%2Fb:streamGenerateContent", "a%2Fb"),
        ("/v1/models/gemini-2.5-pro", ""),
        ("/v1/chat/completions", ""),
    ],
)
def test_a_path_of_geminis_names_its_model(path: str, model: str) -> None:
    assert apis.model_of(path) == model


def test_only_the_end_of_a_long_path_is_looked_at() -> None:
    """A path of 16 KB took a quarter of a second: every /v1/ in it was tried as a beginning."""
    looked_at: list[int] = []

    class Path(str):
        """Counts the pieces that it is cut into."""

        def rsplit(self, *args: Any) -> list[str]:  # type: ignore[override]
            looked_at.append(len(parts := super().rsplit(*args)))
            return parts

        def __getitem__(self, key: Any) -> "Path":
            return Path(super().__getitem__(key))

        def split(self, *args: Any) -> list[str]:  # type: ignore[override]
            looked_at.append(len(parts := super().split(*args)))
            return parts

    assert detect(Path("/v1/" * 4000)) is None
    assert detect(Path("/v1/x" * 4000 + "/v1/files/f/content")) == apis.RETRIEVE_FILE_CONTENT
    assert sum(looked_at) < 50


@given(st.sampled_from(sorted(PATHS.values())), st.lists(segment, max_size=3), st.data())
def test_filling_the_own_template_gives_the_path_back(path: str, prefix: list[str], data: st.DataObject) -> None:
    real = re.sub(r"\{\w+\}", lambda _: data.draw(segment), path)
    name = detect("".join(f"/{part}" for part in prefix) + real)
    if name is not None and PATHS[name] == path:
        assert fill(path, real) == real


@given(st.text(max_size=60) | st.lists(st.sampled_from(["v1", "files", "batches", "content", "", "a"])).map("/".join))
def test_any_text_is_a_path(path: str) -> None:
    assert detect(path) in {None, *apis.NAMES}


def test_the_sets_hold_known_names_only() -> None:
    known = (
        apis.NAMES
        | apis.OWN_PATHS.keys()
        | set(apis.VERBS.values())
        | {apis.GEMINI_MODELS, apis.CONVERSE, apis.CONVERSE_STREAM}
    )
    for names in (apis.MODEL_IN_BODY, apis.MODEL_IN_PATH, apis.STATEFUL, apis.FREE, apis.INCLUDE_USAGE, apis.LISTS):
        assert names <= known
    assert len(apis.NAMES) == len(PATHS) + 7


@pytest.mark.parametrize("name", ["chatcompletions", "completions"])
def test_usage_is_asked_for_where_the_api_knows_it(name: str) -> None:
    assert f"openai/v1/{name}" in apis.INCLUDE_USAGE


def test_stateful_apis() -> None:
    """APIs that need the account that they began with. Higress forgot one: pausing a job needs the account that runs it."""
    assert {apis.RESPONSES, apis.FILES, apis.CANCEL_BATCH, *apis.FINE_TUNING} <= apis.STATEFUL
    assert not {apis.CHAT, apis.EMBEDDINGS, apis.MODELS, apis.MESSAGES} & apis.STATEFUL


@pytest.mark.parametrize(
    ("api", "path", "content"),
    [
        (apis.RETRIEVE_FILE_CONTENT, "/v1/files/f/content", True),
        (apis.CONTAINERS, "/v1/containers/c/files/f/content", True),
        (apis.MESSAGE_BATCHES, "/v1/messages/batches/b/results", True),
        (apis.RETRIEVE_VIDEO_CONTENT, "/v1/videos/v/content", False),
        (apis.FILES, "/v1/files", False),
    ],
)
def test_what_a_client_has_stored(api: str, path: str, content: bool) -> None:
    assert apis.is_content(api, path) == content
