"""What a user is told of what Milvus says. What a real server says is in test_collection.py."""

import grpc
import pytest
from pymilvus import MilvusException

from aigw.core.retrieval import NoCollectionError, RetrievalError
from aigw.stores.milvus.failures import NotLoadedError, told


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (MilvusException(100, "collection not found[collection=x]"), NoCollectionError, "there is no collection docs at the Milvus h:1"),
        (MilvusException(101, "collection not loaded"), NotLoadedError, "h:1 refuses: collection not loaded"),
        (MilvusException(grpc.StatusCode.UNAVAILABLE, "[search] Retry timeout: 5s"), RetrievalError, r"h:1 cannot be reached; is it running\? rag.store"),
        (MilvusException(2, "Fail connecting to server on h:1"), RetrievalError, "h:1 cannot be reached"),
        (MilvusException(1, "[query] Retry timeout: 5s"), RetrievalError, "h:1 cannot be reached"),
        (MilvusException(65535, "auth check failure, please check username and password are correct"), RetrievalError, r"h:1 refuses the user; rag\.store takes milvus://USER:PASSWORD@HOST"),
        (MilvusException(65535, "PrivilegeSearch: permission deny to root"), RetrievalError, "h:1 does not let this user"),
        (MilvusException(8, "quota\nexceeded" + " x" * 1000), RetrievalError, r"h:1 refuses: quota exceeded( x){100,}$"),
        (MilvusException(8, ""), RetrievalError, "h:1 refuses: it does not say why"),
    ],
)  # fmt: skip
def test_what_a_user_is_told(error, kind, message):
    with pytest.raises(RetrievalError, match=message) as caught, told("h:1", "docs"):
        raise error
    assert type(caught.value) is kind
    assert len(str(caught.value)) < 400


def test_no_unicode():
    with pytest.raises(RetrievalError, match="docs cannot keep"), told("h:1", "docs"):
        "\ud800".encode()


def test_a_bug_is_not_hidden():
    with pytest.raises(KeyError), told("h:1", "docs"):
        {}["x"]
