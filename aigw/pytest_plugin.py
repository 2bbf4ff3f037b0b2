"""The pytest plugin: the fixture `aigw` leads the calls of a test through a gateway that records or replays them. With
`aigw_factory`, a fixture of a module or of the session has a gateway for all its tests.

Rule: a call without a recording fails its test, whatever the program made of the answer. A test that has recorded in a
folder of its own and has passed leaves there what it used, and nothing else. Nothing of aigw is imported before a test
uses the fixture."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aigw.books.request_log import Show
    from aigw.cli.sources.gateway_thread import GatewayThread
    from aigw.cli.sources.private_gateway import PrivateGateway, PrivateGatewayOptions
    from aigw.traffic.replay.report import Report

MODES = ("replay", "auto", "record", "refresh")
MATCHES = ("content", "sequence")
UNUSED = ("ignore", "fail")
KEYS = ("recordings", "mode", "match", "strict", "max_divergence", "unused", "config", "model")
"""The arguments of the marker."""
MARKER = (
    "aigw(recordings=None, mode='replay', match='content', strict=False, max_divergence=None, unused='ignore', "
    "config=None, model=''): what the fixture aigw records or replays. Paths are seen from the test's file; default: "
    "recordings/FILE/TEST there, and aigw.yaml in the root folder if there is one."
)


class Aigw:
    """The gateway of a test. `url` is its address, `base_url` the same with /v1, as OpenAI's clients want it. `env` are
    the variables by which programs find it; they are set during the test."""

    def __init__(self, gateway: PrivateGateway, *, all_used: bool) -> None:
        self.url = gateway.url
        self.base_url = f"{gateway.url}/v1"
        self.env = gateway.variables
        self._gateway = gateway
        self._all_used = all_used
        self._told = 0
        self.passed = False

    @property
    def report(self) -> Report:
        """What became of the calls so far: how many were replayed, which were missed, and so on."""
        assert self._gateway.recordings is not None
        return self._gateway.recordings.report

    def problem(self, *, at_end: bool) -> str:
        """Returns why the test has failed, "" if it has not or if that was told before. Only the end of a test shows
        whether all recordings were used."""
        from aigw.cli.views.recordings import misses, problems

        report = self.report
        lines = problems(report, all_used=self._all_used and at_end)
        if len(lines) <= self._told:
            return ""
        self._told = len(lines)
        return "\n".join([f"aigw: {'; '.join(lines)}", *misses(report), *([_REMEDY] if report.missed else [])])


_REMEDY = "With pytest: --aigw-mode auto records what is missing, --aigw-mode refresh all that the test uses."
_NO_CALL = (
    "aigw: no call came to the gateway of this test, {}. A client that is made when a module is imported asks the real "
    "provider: make it in the test, or in a function, where OPENAI_BASE_URL and the like are set."
)
_STARTED = pytest.StashKey[Aigw]()
_LASTING = pytest.StashKey[list[Aigw]]()
"""The gateways that last longer than a test."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("aigw", "recorded calls of models")
    group.addoption("--aigw-mode", choices=MODES, help="what the fixture aigw does, whatever the tests say")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def aigw(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aigw]:
    """A gateway that records or replays what this test asks models for: `url`, `base_url`, `env`, `report`."""
    marked = _marked(request)
    again = f"pytest --aigw-mode record '{request.node.nodeid}'"
    wanted = _options(request.config, request.path.parent, _usual_folder(request), marked, again)
    before = _names(wanted) if not marked.get("recordings") else set()
    calls: list[str] = []
    gateway, thread = _started(wanted, lambda row, exchange: calls.append(row.id))
    try:
        for name, value in gateway.variables.items():
            monkeypatch.setenv(name, value)
        found = Aigw(gateway, all_used=marked.get("unused", "ignore") == "fail")
        request.node.stash[_STARTED] = found
        yield found
    finally:
        thread.stop()
    if problem := found.problem(at_end=False):
        pytest.fail(problem, pytrace=False)
    if not calls and (found.report.unused or marked.get("mode", "replay") != "replay"):
        request.node.warn(pytest.PytestWarning(_NO_CALL.format(found.url)))
    if found.passed:
        _remove_unused(wanted, before, found.report)


@pytest.fixture(scope="session")
def aigw_factory(request: pytest.FixtureRequest) -> Callable[..., AbstractContextManager[Aigw]]:
    """Starts gateways for fixtures of any scope. The arguments are those of the marker `aigw`, but paths are seen from
    the root folder, and `recordings` is needed:

    @pytest.fixture(scope="module")
    def gateway(aigw_factory):
        with aigw_factory(recordings="tests/recordings/agent") as gateway:
            yield gateway
    """

    @contextmanager
    def start(recordings: str | Path, **said: Any) -> Iterator[Aigw]:
        said = _checked(request.config, {"recordings": recordings, **said}, "aigw_factory")
        wanted = _options(request.config, request.config.rootpath, Path(), said, "pytest --aigw-mode record")
        gateway, thread = _started(wanted, lambda row, exchange: None)
        found = Aigw(gateway, all_used=said.get("unused", "ignore") == "fail")
        lasting = request.config.stash.setdefault(_LASTING, [])
        lasting.append(found)
        try:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in gateway.variables.items():
                    patch.setenv(name, value)
                yield found
        finally:
            lasting.remove(found)
            thread.stop()
        if problem := found.problem(at_end=True):
            pytest.fail(problem, pytrace=False)

    return start


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    try:
        result = yield
    except BaseException:
        if problem := _problem(item, at_end=False):
            item.add_report_section("call", "aigw", problem)
        raise
    if problem := _problem(item, at_end=True):
        pytest.fail(problem, pytrace=False)
    if (own := item.stash.get(_STARTED, None)) is not None:
        own.passed = True
    return result


def _problem(item: pytest.Item, *, at_end: bool) -> str:
    """Returns what is wrong with the calls of a test, "" if nothing is."""
    own = item.stash.get(_STARTED, None)
    told = [own.problem(at_end=at_end)] if own is not None else []
    told += [each.problem(at_end=False) for each in item.config.stash.get(_LASTING, [])]
    return "\n".join(filter(None, told))


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Returns what the markers say, the nearest first, and --aigw-mode before them."""
    said: dict[str, Any] = {}
    for marker in request.node.iter_markers("aigw"):
        said = {**_checked(request.config, marker.kwargs, "@pytest.mark.aigw", *map(repr, marker.args)), **said}
    return _checked(request.config, said, "@pytest.mark.aigw")


def _checked(config: pytest.Config, said: Mapping[str, Any], by: str, *wrong: str) -> dict[str, Any]:
    """Returns the arguments with --aigw-mode before them. `by` is who takes them, `wrong` is what it does not take."""
    wrong = (*wrong, *(key for key in said if key not in KEYS))
    if wrong:
        pytest.fail(f"{by} has no {', '.join(wrong)}; it takes {', '.join(f'{key}=' for key in KEYS)}", False)
    for key, words in (("mode", MODES), ("match", MATCHES), ("unused", UNUSED)):
        if said.get(key, words[0]) not in words:
            pytest.fail(f"{by}: {key} is one of {', '.join(words)}", False)
    given = config.getoption("--aigw-mode")
    return {**said, "mode": given} if given else {**said}


def _options(
    pytest_config: pytest.Config, here: Path, usual: Path, marked: Mapping[str, Any], again: str
) -> PrivateGatewayOptions:
    """`here` is where paths begin, `usual` the folder of recordings that nobody named, `again` the command that makes
    them."""
    from aigw.cli.sources.config_choice import ConfigChoice
    from aigw.cli.sources.match_by import MatchBy
    from aigw.cli.sources.private_gateway import PrivateGatewayOptions
    from aigw.cli.sources.recordings import RecordingChoice

    recordings = here / (marked.get("recordings") or usual)
    mode = marked.get("mode", "replay")
    if mode == "replay" and not recordings.is_dir():
        pytest.fail(f"there are no recordings in {recordings}; to make some: {again}", False)
    file = pytest_config.rootpath / "aigw.yaml"
    config = here / marked["config"] if marked.get("config") else file if file.exists() else None
    match = MatchBy(marked["match"]) if "match" in marked else None
    strict, most = bool(marked.get("strict")), marked.get("max_divergence")
    chosen = RecordingChoice(mode, recordings, match=match, strict=strict, max_divergence=most)
    return PrivateGatewayOptions(
        dict(os.environ), ConfigChoice(config), model=marked.get("model", ""), recordings=chosen
    )


def _usual_folder(request: pytest.FixtureRequest) -> Path:
    """Returns recordings/FILE/TEST. A name that is no plain name of a file gets a hash, so that it stays unique."""
    name = request.node.nodeid.partition("::")[2].replace("::", ".")
    plain = re.sub(r"[^\w.-]+", "_", name)[:100].strip("_")
    if plain != name:
        plain += f"-{blake2b(name.encode(), digest_size=3).hexdigest()}"
    return Path("recordings", request.path.stem, plain)


def _names(wanted: PrivateGatewayOptions) -> set[str]:
    """Returns the names of the existing recordings. A test that records anew deletes those of them that it has not
    used."""
    from aigw.traffic.format.folder import Folder

    chosen = wanted.recordings
    if chosen is None or chosen.mode not in ("record", "refresh"):
        return set()
    try:
        return {str(name) for name in Folder(chosen.folder).names()}
    except OSError:  # there is none yet, or it is one that will be refused
        return set()


def _remove_unused(wanted: PrivateGatewayOptions, before: set[str], report: Report) -> None:
    from aigw.traffic.format.folder import Folder

    assert wanted.recordings is not None
    folder = Folder(wanted.recordings.folder)
    for name in before - report.used:
        folder.remove(name)


def _started(wanted: PrivateGatewayOptions, show: Show) -> tuple[PrivateGateway, GatewayThread]:
    from aigw.cli.sources.gateway_thread import GatewayThread
    from aigw.core.errors import ConfigError
    from aigw.traffic.format.folder import RecordingError

    thread = GatewayThread(wanted, show)
    try:
        return thread.start(), thread
    except ConfigError as error:
        problem = "\n".join(error.findings)
    except RecordingError as error:
        problem = str(error)
    thread.stop()
    pytest.fail(f"aigw: {problem}", False)
