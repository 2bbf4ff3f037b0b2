"""aigw/rag/embedders/model_folder.py: folders are remembered with what is in them, names of the hub as they are."""

import pytest

from aigw.core.retrieval import RetrievalError
from aigw.rag.embedders.model_folder import ENDS, digest_of, identified


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(bytes(4 * ENDS))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text("{}")
    return tmp_path


def test_a_name_of_the_hub_is_what_it_is():
    assert identified("intfloat/multilingual-e5-small", "st:") == (
        "intfloat/multilingual-e5-small",
        "st:intfloat/multilingual-e5-small",
    )
    assert identified("LaBSE", "st:") == ("LaBSE", "st:LaBSE")


def test_a_folder_is_remembered_with_its_digest(folder, monkeypatch):
    place, name = identified(str(folder), "st:")
    assert (place, name) == (str(folder), f"st:{folder}@{digest_of(folder)}")
    assert identified(name.removeprefix("st:"), "st:") == (place, name)
    monkeypatch.chdir(folder.parent)
    assert identified(folder.name, "st:") == (place, name)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "1_Pooling/config.json"])
def test_another_model_in_its_place_is_refused(folder, file):
    _, name = identified(str(folder), "st:")
    changed = bytearray((folder / file).read_bytes())
    changed[-1] ^= 1
    (folder / file).write_bytes(changed)
    with pytest.raises(RetrievalError, match=r"has another model than .*`aigw rag reindex`"):
        identified(name.removeprefix("st:"), "st:")


@pytest.mark.parametrize("file", ["README.md", "onnx/model.bin", ".cache/a.json"])
def test_what_does_not_change_the_vectors_does_not_count(folder, file):
    before = digest_of(folder)
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text("new")
    assert digest_of(folder) == before


@pytest.mark.parametrize("name", ["./models/e5", "/no/such/folder", "~/nothing-here", "a/b/c", "gone@0123456789abcdef"])
def test_a_folder_that_is_not_there(name):
    with pytest.raises(RetrievalError, match=r"there is no folder"):
        identified(name, "st:")
