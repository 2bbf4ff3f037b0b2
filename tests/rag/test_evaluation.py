"""Files of questions, and the figures of a collection."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.retrieval import Hit, Passage, RetrievalError
from aigw.rag.evaluation import Question, evaluate, is_expected, read_questions

ONE = Question("How?", ("a.md",))


@pytest.mark.parametrize(
    ("name", "content", "questions"),
    [
        ("q.json", '[{"question": "How?", "expected": "a.md"}]', [ONE]),
        ("q.json", '{"question": "How?", "expected": ["a.md"]}', [ONE]),
        ("q.json", '\ufeff{"questions": [{"text": "How?", "answer": "a.md", "id": 1}], "passages": []}', [ONE]),
        ("q", '[{"query": "How?", "sources": ["a.md", "b.md"]}]', [Question("How?", ("a.md", "b.md"))]),
        ("q.jsonl", '{"question": "How?", "source": "a.md"}\n\n{"question": "怎么?", "answers": ["b"], "kind": "zh"}\n',
         [ONE, Question("怎么?", ("b",), "zh")]),
        ("q.NDJSON", '{"question": "How?\u2028", "expected": " a.md"}', [Question("How?\u2028", ("a.md",))]),
        ("q.csv", 'Question, expected\r\n"How?",a.md\r\n"Who, then?","a.md; b.md"\r\n',
         [ONE, Question("Who, then?", ("a.md", "b.md"))]),
        ("q.csv", "question,source,kind\nHow?,a.md,x\n", [Question("How?", ("a.md",), "x")]),
    ],
)  # fmt: skip
def test_files(name, content, questions):
    assert read_questions(name, content.encode()) == questions


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.json", "[", "q.json cannot be read as JSON"),
        ("q.json", "[" * 100_000, "q.json cannot be read as JSON"),
        ("q.json", "[]", r"no questions.*`expected`"),
        ("q.json", "5", r"q.json, entry 1: it needs `question`"),
        ("q.json", '{"questions": 5}', "entry 1"),
        ("q.jsonl", '{"question": "a", "expected": "b"}\n{"question": "a"}', "q.jsonl, entry 2"),
        ("q.jsonl", '{"question": "a", "expected": [1]}', "entry 1"),
        ("q.jsonl", '{"question": "a", "expected": []}', "entry 1"),
        ("q.jsonl", '{"question": "a", "expected": " "}', "entry 1"),
        ("q.jsonl", '{"question": 3, "expected": "b"}', "entry 1"),
        ("q.csv", "question,expected\nHow?\n", "entry 1"),
        ("q.csv", 'question,expected\n"How', "q.csv cannot be read as CSV"),
        ("q.csv", "", "no questions"),
    ],
)
def test_files_that_are_wrong(name, content, message):
    with pytest.raises(RetrievalError, match=message):
        read_questions(name, content.encode())


@given(st.sampled_from(["q.json", "q.jsonl", "q.csv"]), st.binary() | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["question", "expected", "x"]), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_file_is_read_or_refused(name, data):
    try:
        questions = read_questions(name, data)
    except RetrievalError as error:
        assert name in str(error)
    else:
        assert all(question.text and question.expected for question in questions)


@pytest.mark.parametrize(
    ("source", "expected", "is_it"),
    [
        ("/home/x/docs/guide/install.md", "install.md", True),
        ("/home/x/docs/guide/install.md", "./guide/install.md", True),
        ("/home/x/docs/guide/install.md", "/home/x/docs/guide/install.md", True),
        ("/home/x/docs/guide/install.md", "stall.md", False),
        ("C:\\docs\\install.md", "docs/install.md", True),
        ("https://example.org/a/b.html", "b.html", True),
        ("https://example.org/a/", "other", False),
        ("x.md", "the-id", True),
        ("/docs/p-1.txt", "p-1", True),
        ("/docs/p-10.txt", "p-1", False),
        ("/docs/.hidden", ".hidden", True),
    ],
)
def test_what_is_expected(source, expected, is_it):
    assert is_expected(Passage("the-id", "text", source), ("nothing", expected)) is is_it


class Fixed:
    """Finds the same sources for each question."""

    def __init__(self, **found):
        self.found = found

    async def search(self, collection, question, top):
        assert collection == "docs"
        names = self.found[question][:top]
        return [Hit(Passage(f"{name}#{at}", "text", name), 1.0, 0.1) for at, name in enumerate(names)]


async def test_figures():
    retrieval = Fixed(one=["a", "b"], two=["b", "b", "a", "a"], three=["c"] * 9 + ["a"], four=[])
    questions = [Question(text, ("a",), "x" if text == "two" else "") for text in ("one", "two", "three", "four")]
    found = await evaluate(retrieval, "docs", questions, 10)
    assert [each.rank for each in found.outcomes] == [1, 3, 10, None]
    assert found.plain() == {
        "questions": 4, "hit@1": 0.25, "hit@3": 0.5, "hit@5": 0.5, "mrr@10": pytest.approx((1 + 1 / 3 + 1 / 10) / 4),
        "kinds": {"x": {"questions": 1, "hit@1": 0, "hit@3": 1, "hit@5": 1, "mrr@10": pytest.approx(1 / 3)}},
        "missed": [{"question": "four", "expected": ["a"], "found": ""}],
    }  # fmt: skip
    few = await evaluate(retrieval, "docs", questions, 2)
    assert (few.plain()["mrr@2"], "hit@3" in few.plain()) == (0.25, False)
    assert few.plain()["missed"][0] == {"question": "two", "expected": ["a"], "found": "b"}
