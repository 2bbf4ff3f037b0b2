import msgspec
import pytest

from aigw.core.retrieval import RetrievalError
from aigw.rag.settings import RagSettings
from aigw.stores.milvus.address import MilvusAddress, parse


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("milvus://127.0.0.1:19530", MilvusAddress("127.0.0.1", 19530)),
        ("milvus://milvus", MilvusAddress("milvus", 19530)),
        ("milvus://root:p%40ss@milvus:1/docs", MilvusAddress("milvus", 1, "root:p@ss", "docs")),
        ("milvus://root:@milvus/", MilvusAddress("milvus", 19530, "root:")),
        ("milvuss://an-api-key@in01.example.com:443", MilvusAddress("in01.example.com", 443, "an-api-key", "", True)),
        ("milvus://h/db?secure=true", MilvusAddress("h", 19530, "", "db", True)),
        ("milvus://h?secure=false", MilvusAddress("h", 19530)),
    ],
)
def test_what_a_url_says(text, address):
    assert parse(text) == address
    assert address.url.startswith("https://" if address.secure else "http://")
    assert msgspec.convert({"store": text}, RagSettings).store == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "local ",
        "milvus://",
        "milvus://h:port",
        "milvus://h:99999",
        "http://h:19530",
        "milvus://h?secure=maybe",
        "milvus://[::1]",
    ],
)
def test_what_names_no_milvus(text):
    with pytest.raises(RetrievalError, match=r"rag\.store"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "local ",
        "milvus://",
        "milvus://h:port",
        "http://h:19530",
        "milvus://h?secure=maybe",
        "milvus://h:0",
        "milvus://h:65536",
    ],
)
def test_the_configuration_refuses_it(text):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"store": text}, RagSettings)


def test_what_is_shown_has_no_password():
    assert f"{parse('milvus://root:secret@h:1/db')} {parse('milvus://secret@h:1')!r}" == "h:1 h:1"
