"""A path means one thing, however it is spelled; what could be read in two ways is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects import apis
from aigw.dialects.paths import read

API_PATHS = {
    **{path: api for api, path in (apis.PATHS | apis.OWN_PATHS).items() if "{" not in path},
    "/v1/files/file-1": apis.RETRIEVE_FILE,
    "/v1/files/a%2Fb/content": apis.RETRIEVE_FILE_CONTENT,
    "/v1/batches/b/cancel": apis.CANCEL_BATCH,
    "/v1/models/org/m:1": apis.RETRIEVE_MODEL,
    "/v1/responses/r": apis.RETRIEVE_RESPONSE,
    "/v1/chat/completions/c": apis.STORED_CHATS,
    "/v1/vector_stores": apis.VECTOR_STORES,
    "/v1/vector_stores/v": apis.VECTOR_STORES,
    "/v1/messages/batches": apis.MESSAGE_BATCHES,
    "/v1beta/models": apis.GEMINI_MODELS,
    "/v1beta/models/gemini-2.5-pro": apis.GEMINI_MODELS,
    "/openai/deployments/my%2Fmodel/chat/completions": apis.CHAT,
    **{f"/{version}/models/a%2Fb:{verb}": api for verb, api in apis.VERBS.items() for version in ("v1", "v1beta")},
}
"""Plain forms of the paths of APIs."""
DECORATIONS = ("", "/", "//", ";x", "%20", ";a=b;c", "/.", "/x/..", "/%2e", "/%2E%2e/{last}", "#top", " ")
IDS = ("file-1", "org", "m:1", "gemini-2.5-pro", "my%2Fmodel", "a%2Fb", "b", "r", "c", "v")


def test_plain_forms_stay():
    for path, api in API_PATHS.items():
        assert read(path) == (path, api, "")
        assert read(f"/team-a{path}") == (f"/team-a{path}", api, "")


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """A plain path, and another spelling of it. Ids are not respelled but for their escapes."""
    path = draw(st.sampled_from(sorted(API_PATHS)))
    out = ""
    for segment in path.split("/")[1:]:
        out += draw(st.sampled_from(["/", "//", "/./", "\\", "/%2e/", "/x/../", "/x/%2e%2e/", "/x/..;y/"]))
        out += draw(respelled(segment))
    if not path.startswith(
        (
            "/v1beta/models",
            "/v1/models/",
            "/v1/files/",
            "/v1/batches/",
            "/v1/responses/",
            "/v1/vector_stores/",
            "/v1/chat/completions/",
        )
    ):
        out += draw(st.sampled_from(DECORATIONS)).replace("{last}", path.rpartition("/")[2])
    return path, out


def respelled(segment: str) -> st.SearchStrategy[str]:
    verb = segment.rpartition(":")[2] if segment.rpartition(":")[2] in apis.VERBS else ""
    kept = segment.removesuffix(verb)
    if segment in IDS:
        kept, verb = segment, ""
    elif not verb:
        kept, verb = "", segment
    letters = [st.sampled_from([c, c.upper(), f"%{ord(c):02x}", f"%{ord(c):02X}"]) for c in verb]
    return st.tuples(*letters).map(lambda parts: kept + "".join(parts))


@given(spellings())
def test_every_spelling_is_the_same_api(pair):
    path, spelled = pair
    assert read(spelled)[:2] == (path, API_PATHS[path]), spelled


@pytest.mark.parametrize("spelled", [
    "/v1/chat%2Fcompletions", "/v1%2fchat%2fcompletions", "/v1/chat%5Ccompletions", "/%76%31/chat/completions",
    "/chat/completions", "/Chat/Completions/", "/chat%2Fcompletions", "/v1/chat/completions/;x",
])  # fmt: skip
def test_chat_by_other_names(spelled):
    assert read(spelled)[:2] == ("/v1/chat/completions", apis.CHAT)


@pytest.mark.parametrize(
    ("path", "same", "api"),
    [
        ("/api/paas/v4/chat/completions", "/v1/chat/completions", apis.CHAT),
        ("/team/API/coding//paas/v4/embeddings/", "/team/v1/embeddings", apis.EMBEDDINGS),
        ("/api/v3/responses", "/v1/responses", apis.RESPONSES),
        ("/v1beta/openai/models", "/v1/models", apis.MODELS),
        ("/v1beta/openai/models/gemini-x", "/v1/models/gemini-x", apis.RETRIEVE_MODEL),
        ("/api/v3/files", "/api/v3/files", ""),
        ("/api/v3", "/api/v3", ""),
        ("/api/v2/chat/completions", "/api/v2/chat/completions", ""),
    ],
)
def test_the_base_urls_of_makers(path, same, api):
    """The SDKs of Zhipu and Ark have no /v1, and neither has OpenAI's where it was set for Gemini."""
    place = read(path)
    assert (place.path, place.api) == (same, api)
    assert read(place.given or place.path).path == same


@pytest.mark.parametrize(
    ("path", "given_"),
    [("/models", "/models"), ("/files/f", "/files/f"), ("/models/g:countTokens", "/models/g:countTokens")],
)
def test_a_version_that_was_left_out_is_added_and_known(path, given_):
    assert read(path).api
    assert read(path).path.startswith("/v1")
    assert read(path).given == given_


@pytest.mark.parametrize("path", [
    "/v1/chat/completions%00", "/v1/files/a%0d%0ax", "/v1/files/a%7F", "/v1/files/x%2F..%2F..%2Fchat%2Fcompletions",
    "/v1/files/..%2f", "/v1/files/%2525252525252e", "/v1/files/%2e%2e%2fchat", "/v1/files/%252e%252e%252fchat", "/a%5c..%5cb", "/v1/models/a%2F.;x%2Fb",
])  # fmt: skip
def test_what_servers_read_in_several_ways_is_refused(path):
    with pytest.raises(ValueError, match="dots in an escape"):
        read(path)


@pytest.mark.parametrize(
    ("path", "plain"),
    [("/", "/"), ("", "/"), ("*", "*"), ("/docs/", "/docs/"), ("//a//b", "/a/b"), ("/a/../../b", "/b"), ("/a b", "/a%20b"),
     ("/a%2Fb", "/a%2Fb"), ("/v1/unknown", "/v1/unknown"), ("/v2/chat/completions", "/v2/chat/completions"),
     ("/v1/chat/completions%3Fx", "/v1/chat/completions%3Fx"), ("/v1/files/%E2%82%AC/", "/v1/files/%E2%82%AC"),
     ("/v1/chat/completions%252F", "/v1/chat/completions%252F"), ("/openai/deployments/..%/chat", "/openai/deployments/..%25/chat"),
     ("/v1beta/models/x:predict", "/v1beta/models/x:predict")],
)  # fmt: skip
def test_other_paths_are_plain_too(path, plain):
    assert read(path).path == plain


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["v1", "..", "%2e", "%2F", "chat", "completions", ";", "models", "a:b", "%", ""])).map(
        "/".join
    )
)
def test_reading_again_changes_nothing(path):
    try:
        first = read(f"/{path}")
    except ValueError:
        return
    assert read(first.path)[:2] == first[:2]
    assert not {".", ".."} & set(first.path.split("/"))
    assert "//" not in first.path
    assert first.path.isascii() and "?" not in first.path and "#" not in first.path
