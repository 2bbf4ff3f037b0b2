import subprocess
import sys

import pytest

from aigw.core.retrieval import RetrievalError
from aigw.stores.faiss.collections import FaissCollections
from aigw.stores.milvus.collections import MilvusCollections
from aigw.stores.retrieval import collections_in


def test_the_store_that_is_meant(tmp_path):
    assert isinstance(collections_in("local", tmp_path), FaissCollections)
    assert isinstance(collections_in("milvus://127.0.0.1:1", tmp_path), MilvusCollections)
    assert collections_in("local", None) is None
    with pytest.raises(RetrievalError, match="milvus://USER:PASSWORD@HOST"):
        collections_in("qdrant://127.0.0.1", tmp_path)


def test_nothing_heavy_is_loaded_before_it_is_used(tmp_path):
    script = (
        "import sys, pathlib\n"
        "from aigw.stores.retrieval import collections_in\n"
        "for store in ('local', 'milvus://127.0.0.1:1'): collections_in(store, pathlib.Path(sys.argv[1]))\n"
        "print({'pymilvus', 'grpc', 'pandas', 'numpy', 'faiss'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
