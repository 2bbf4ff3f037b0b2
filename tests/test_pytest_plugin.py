"""aigw/pytest_plugin.py: tests of others, run by a pytest of their own."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ASKING = """
import pytest
from openai import OpenAI, OpenAIError


def ask(text):
    with OpenAI() as client:
        answer = client.chat.completions.create(model="echo", messages=[{"role": "user", "content": text}])
        return answer.choices[0].message.content
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs pytest with the plugin over the text of a test file, and returns its result."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(text, *options, before=ASKING):
        path = pytester.path / "test_it.py"
        path.write_text(before + text)
        words = ("-p", "aigw.pytest_plugin", "-W", "error", "-q", "--tb", "short", *options)
        return pytester.runpytest_subprocess(*words, timeout=100)

    return run


LASTING = """
@pytest.fixture(scope="module")
def gateway(aigw_factory):
    with aigw_factory(recordings="recs", unused="fail") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def answer(gateway):
    return ask("Hello!")


def test_answer(answer):
    assert answer == "Hello!"


def test_other(answer, gateway):
    assert ask("SAID") == "SAID"
    assert gateway.report.hits == REPLAYED
"""


def test_a_gateway_for_a_module(run):
    """The test that misses a recording fails, and so does the fixture, at its end, if one was not used."""
    run(LASTING.replace("SAID", "Hi").replace("REPLAYED", "0"), "--aigw-mode", "record").assert_outcomes(passed=2)
    replayed = run(LASTING)
    replayed.assert_outcomes(passed=1, failed=1, errors=1)
    assert "aigw: 1 call had no recording; 1 recording" in said(replayed)


def said(result):
    return result.stdout.str() + result.stderr.str()


SEVERAL = """
def test_plain(aigw):
    assert ask("Hello!") == "Hello!"


@pytest.mark.parametrize("text", ["a/b", "a?b"])
def test_texts(aigw, text):
    assert ask(text) == text


class TestClass:
    @pytest.mark.aigw(recordings="shared/of class")
    def test_plain(self, aigw):
        import os

        assert os.environ["OPENAI_BASE_URL"] == aigw.base_url == aigw.env["OPENAI_BASE_URL"] == aigw.url + "/v1"
        assert ask("Hi") == "Hi"
        assert (aigw.report.hits, len(aigw.report.missed)) == (REPLAYED, 0)


def test_without():
    import os

    assert "OPENAI_BASE_URL" not in os.environ
"""


def test_recorded_once_and_replayed(run, pytester):
    """Each test has a folder of its own; the mode on the command line counts before what is marked."""
    missing = run(SEVERAL)
    missing.assert_outcomes(errors=4, passed=1)
    assert "to make some: pytest --aigw-mode record 'test_it.py::test_plain'" in said(missing)
    run(SEVERAL.replace("REPLAYED", "0"), "--aigw-mode", "record").assert_outcomes(passed=5)
    folders = sorted(str(path.parent.relative_to(pytester.path)) for path in pytester.path.rglob("001-01-chat.json"))
    assert [re.sub("-[0-9a-f]{6}$", "-...", folder) for folder in folders] == [
        "recordings/test_it/test_plain",
        "recordings/test_it/test_texts_a_b-...",
        "recordings/test_it/test_texts_a_b-...",
        "shared/of class",
    ]
    run(SEVERAL.replace("REPLAYED", "1")).assert_outcomes(passed=5)


BESIDE = """
import pytest


@pytest.mark.aigw(mode="record")
def test_beside(aigw):
    assert aigw.url


def test_without_models(aigw):
    assert aigw.url
"""


def test_a_program_that_asks_elsewhere_is_noticed(run, pytester):
    """As one does whose client was made when it was imported, before the test has set where to ask."""
    (pytester.path / "recordings" / "test_it" / "test_without_models").mkdir(parents=True)
    result = run(BESIDE, "-W", "default", before="")
    result.assert_outcomes(passed=2, warnings=1)
    assert "test_beside" in said(result).partition("warnings summary")[2]
    assert "no call came to the gateway of this test, http://127.0.0.1:" in said(result)


MISSING = """
@pytest.mark.aigw(recordings="r", mode="auto")
def test_a_first():
    pass


@pytest.mark.aigw(recordings="r", mode="auto")
def test_a_records(aigw):
    assert ask("CASE-1") + ask("CASE-3") == "CASE-1CASE-3"


@pytest.mark.aigw(recordings="r")
def test_b_swallows(aigw):
    try:
        ask("CASE-2")
    except OpenAIError:
        pass


@pytest.mark.aigw(recordings="r")
def test_c_does_not(aigw):
    ask("CASE-2")


@pytest.mark.aigw(recordings="r", unused="fail")
def test_d_uses_one(aigw):
    ask("CASE-1")


@pytest.mark.aigw(recordings="r", match="sequence")
def test_e_goes_on(aigw):
    assert ask("CASE-2") == "CASE-1"
    assert len(aigw.report.diverged) == 1


@pytest.mark.aigw(recordings="r", strict=True)
def test_f_asks_twice(aigw):
    ask("CASE-1")
    with pytest.raises(OpenAIError):
        ask("CASE-1")


@pytest.fixture
def asking_at_the_end(aigw):
    yield
    with pytest.raises(OpenAIError):
        ask("CASE-2")


@pytest.mark.aigw(recordings="r")
def test_g_asks_in_a_fixture(asking_at_the_end):
    ask("CASE-1")


@pytest.mark.xfail(strict=True)
@pytest.mark.aigw(recordings="r")
def test_h_is_expected_to_miss(aigw):
    with pytest.raises(OpenAIError):
        ask("CASE-2")
"""


def test_a_miss_fails_its_test_whatever_the_program_makes_of_it(run):
    result = run(MISSING, "-rA")
    result.assert_outcomes(passed=4, failed=4, errors=1, xfailed=1)
    text = said(result)
    failed = re.findall(r"^FAILED test_it.py::test_(\w)", text, re.MULTILINE)
    assert (failed, re.findall(r"^ERROR test_it.py::test_(\w)", text, re.MULTILINE)) == (["b", "c", "d", "f"], ["g"])
    assert len(re.findall(r'messages\[0\].content: "CASE-\d" -> "CASE-2"', text)) >= 3
    assert "aigw: 1 recording not used: 002-01-chat.json" in text
    assert "--aigw-mode auto records what is missing" in text


WRONG = """
@pytest.mark.aigw(recording="r")
def test_key(aigw): ...

@pytest.mark.aigw("r")
def test_place(aigw): ...

@pytest.mark.aigw(mode="play")
def test_word(aigw): ...

@pytest.mark.aigw(mode="record", config="none.yaml")
def test_file(aigw): ...

@pytest.mark.aigw(mode="record", config="wrong.yaml")
def test_configuration(aigw): ...
"""


def test_what_is_wrong_is_said(run, pytester):
    (pytester.path / "wrong.yaml").write_text("plugins: {ai-proxi: {}}\n")
    result = run(WRONG)
    result.assert_outcomes(errors=5)
    text = said(result)
    for each in (
        "@pytest.mark.aigw has no recording; it takes recordings=, mode=",
        "@pytest.mark.aigw has no 'r'; it takes recordings=, mode=",
        "@pytest.mark.aigw: mode is one of replay, auto, record, refresh",
        "none.yaml: there is no such file",
        "wrong.yaml:1 plugins: unknown plugin 'ai-proxi'; did you mean 'ai-proxy'?",
    ):
        assert each in text
    assert "Traceback" not in text


def test_its_own_configuration_and_an_asynchronous_test(run, pytester):
    """A configuration beside pytest's own counts; a test with an event loop asks the gateway in another thread."""
    (pytester.path / "aigw.yaml").write_text(
        "plugins: {ai-proxy: {provider: {type: builtin, modelMapping: {'*': echo}}}}\n"
    )
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    text = """
async def asked():
    from openai import AsyncOpenAI

    async with AsyncOpenAI() as client:
        return await client.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "Hi"}])


def test_it(aigw):
    import asyncio

    assert asyncio.run(asked()).choices[0].message.content == "Hi"
"""
    run(text, "--aigw-mode", "refresh").assert_outcomes(passed=1)
    run(text).assert_outcomes(passed=1)


AGAIN = """
import json
import urllib.request

import pytest


def ask(aigw, text):
    body = json.dumps({"model": "echo", "messages": [{"role": "user", "content": text}]}).encode()
    headers = {"content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(aigw.base_url + "/chat/completions", body, headers)) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]


def test_it(aigw):
    assert ask(aigw, "stays") + ask(aigw, "ASKED")


@pytest.mark.aigw(recordings="shared")
def test_shared(aigw):
    assert ask(aigw, "ASKED")


def test_fails(aigw):
    assert ask(aigw, "ASKED") == "one"
"""


def test_what_a_test_has_asked_before_is_gone_when_it_is_recorded_again(run, pytester):
    """In a folder of its own, and if it has passed: another test may use what is shared."""

    def recorded(folder):
        texts = [file.read_text() for file in (pytester.path / folder).glob("*.json")]
        return {word for text in texts for word in re.findall(r'"content": "(\w+)"', text)}

    for mode, asked in (("record", "one"), ("refresh", "two"), ("record", "three")):
        run(AGAIN.replace("ASKED", asked), "--aigw-mode", mode, before="").assert_outcomes(
            passed=2 + (asked == "one"), failed=int(asked != "one")
        )
        assert recorded("recordings/test_it/test_it") == {"stays", asked}
    for folder in ("shared", "recordings/test_it/test_fails"):
        assert recorded(folder) == {"one", "two", "three"}


def test_nothing_is_imported_for_those_who_do_not_use_it():
    code = "import sys, pytest; before = set(sys.modules); import aigw.pytest_plugin; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name for name in done.stdout.split() if not name.startswith("_")} == {"aigw", "aigw.pytest_plugin"}


def test_an_installed_package_has_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"aigw": "aigw.pytest_plugin"}
