"""aigw/rag/embedders/remote.py: batches, what services refuse, and services that fail."""

import numpy as np
import pytest
from fakes import FakeUpstream, make_env

from aigw.clients.callout import CalloutError, StatusError
from aigw.core.retrieval import RetrievalError
from aigw.rag.embedders.remote import WAITS, RemoteEmbedder
from aigw.rag.settings import OpenAISettings


class Service:
    """Answers [3, 4] for every text, after it has failed as its script says."""

    def __init__(self, *script) -> None:
        self.script = list(script)
        self.asked: list[tuple[list[str], str]] = []

    async def __call__(self, texts, purpose):
        self.asked.append((list(texts), purpose))
        answer = self.script.pop(0) if self.script else [[3.0, 4.0]] * len(texts)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def waited():
    return []


@pytest.fixture
def make(waited):
    async def sleep(seconds):
        waited.append(seconds)

    def embedder(service, **settings):
        given = OpenAISettings(**{"batch": 2, "window": 16, **settings})
        return RemoteEmbedder("openai", service, given, make_env(FakeUpstream(), sleep=sleep))

    return embedder


async def test_texts_go_in_batches_and_vectors_get_the_length_1(make):
    service = Service()
    embedder = make(service)
    vectors = await embedder.embed(["a", "b", "c"], "passage")
    assert service.asked == [(["a", "b"], "passage"), (["c"], "passage")]
    np.testing.assert_allclose(vectors, [[0.6, 0.8]] * 3, rtol=1e-6)
    assert vectors.dtype == np.float32
    assert embedder.name == "openai:text-embedding-3-small"


async def test_the_length_is_asked_for_once(make):
    service = Service()
    embedder = make(service)
    assert [await embedder.dimension(), await embedder.dimension()] == [2, 2]
    assert len(service.asked) == 1
    assert (await embedder.embed([], "query")).shape == (0, 2)


async def test_what_services_refuse_is_not_sent(make):
    service = Service()
    embedder = make(service)
    await embedder.embed(["", "\ud800\0 word" * 100], "passage")
    (empty, long), _ = service.asked[0]
    assert empty == " "
    assert embedder.count(long) <= 16
    assert long.startswith("? word")


BUSY = StatusError("api.openai.com", 429)


@pytest.mark.parametrize("failure", [BUSY, CalloutError("no answer within 60 s"), StatusError("api.openai.com", 503)])
async def test_passages_are_asked_for_again(make, waited, failure):
    service = Service(failure, failure)
    assert len(await make(service).embed(["a"], "passage")) == 1
    assert waited == list(WAITS[:2])


async def test_passages_are_given_up_at_last(make, waited):
    with pytest.raises(RetrievalError, match=r"openai:text-embedding-3-small: api.openai.com answered 429"):
        await make(Service(*[BUSY] * 4)).embed(["a"], "passage")
    assert waited == list(WAITS)


async def test_a_question_is_asked_once(make, waited):
    with pytest.raises(RetrievalError, match="answered 429"):
        await make(Service(BUSY)).embed(["a"], "query")
    assert waited == []


async def test_a_refusal_is_final_and_names_the_remedy(make, waited):
    said = b'{"error": {"message": "Incorrect API key provided: sk-abcdefghijkl"}}'
    with pytest.raises(
        RetrievalError, match=r"answered 401: .*key provided: \*+.*; check rag.openai.api_key"
    ) as caught:
        await make(Service(StatusError("api.openai.com", 401, said))).embed(["a"], "passage")
    assert "abcdefghijkl" not in str(caught.value)
    assert waited == []


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([], "not one vector for each of 1"),
        ([[1.0], [1.0]], "not one vector"),
        ([[1.0, 2.0], [1.0]], "not one vector"),
        ([["x"]], "not one vector"),
        ([None], "no direction|not one vector"),
        ([[10**400, 1.0]], "not one vector"),
        ([[0.0, 0.0]], "no direction"),
        ([[float("nan"), 1.0]], "no direction"),
    ],
)
async def test_what_are_no_vectors(make, rows, what):
    with pytest.raises(RetrievalError, match=what):
        await make(Service(rows)).embed(["a"], "query")


async def test_vectors_of_another_length_than_before(make):
    embedder = make(Service([[1.0, 2.0]], [[1.0, 2.0, 3.0]]))
    await embedder.embed(["a"], "query")
    with pytest.raises(RetrievalError, match="not one vector of 2 numbers"):
        await embedder.embed(["a"], "query")
