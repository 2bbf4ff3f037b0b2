"""What stands in the place of a file or folder of ours and is none is refused, by name and with the remedy, at the
start and when it appears later."""

import os
import socket
from pathlib import Path

import pytest
from unprivileged import reachable_folder, unprivileged

from aigw.books import usage_blocks, usage_file
from aigw.books.access_log import FILE_NAME as ACCESS
from aigw.books.access_log import AccessLog
from aigw.books.books import usage_log
from aigw.books.metrics_folder import MetricsFolder
from aigw.books.recent_rows import RecentRows, RowFilter
from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_query import read
from aigw.cli.sources.usage_feed import FeedError, feed_for
from aigw.core.errors import ConfigError
from aigw.core.stores import StoreError
from aigw.pricing.kept_prices import FILE_NAME as PRICES
from aigw.stores.counter import schema
from aigw.stores.disk import cache
from aigw.stores.disk.file import FILE_NAME as CACHE
from aigw.stores.disk.file import open_cache
from aigw.stores.faiss.collections import FOLDER as RAG
from aigw.stores.private import StrangeFileError, make_folder
from aigw.stores.sqlite_file import BESIDE
from aigw.stores.state_folder import DATABASES, FILES, FOLDERS, refuse_strange_state, why_unwritable
from aigw.trace.files import FOLDER as TRACE
from aigw.trace.files import TraceFiles, read_lines


def link(path):
    path.with_name("elsewhere").write_text("precious")
    path.symlink_to("elsewhere")


def link_to_a_folder(path):
    path.with_name("elsewhere").mkdir()
    path.symlink_to("elsewhere")


def hard_link(path):
    path.with_name("elsewhere").write_text("precious")
    os.link(path.with_name("elsewhere"), path)


def listening(path):
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket may not be long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


ANYWHERE = {
    "link": link,
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "link to a folder": link_to_a_folder,
    "pipe": os.mkfifo,
    "socket": listening,
    "link to a device": lambda path: path.symlink_to(os.devnull),
}
FOR_A_FILE = {**ANYWHERE, "folder": Path.mkdir, "hard link": hard_link}
FOR_A_FOLDER = {**ANYWHERE, "file": Path.touch}
NAMES = [*FILES, *(name + end for name in DATABASES for end in BESIDE)]
STRANGE = [
    *(pytest.param(name, make, id=f"{name}-{kind}") for name in NAMES for kind, make in FOR_A_FILE.items()),
    *(pytest.param(name, make, id=f"{name}-{kind}") for name in FOLDERS for kind, make in FOR_A_FOLDER.items()),
]


@pytest.mark.parametrize(("name", "make"), STRANGE)
def test_the_gateway_does_not_start_beside_it(tmp_path, name, make):
    path = tmp_path / "state" / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    make(path)
    with pytest.raises(ConfigError) as raised:
        usage_log(tmp_path / "state")
    assert str(path) in str(raised.value)
    assert "move it away, or choose another folder with state_dir" in str(raised.value)
    elsewhere = path.with_name("elsewhere")
    assert not elsewhere.is_file() or elsewhere.read_text() == "precious"


def test_the_names_are_those_of_the_files():
    assert set(FOLDERS) == {"", cache.FOLDER, MetricsFolder(Path(), 1).path.name, RAG, TRACE}
    usage = {usage_file.FILE_NAME, usage_blocks.FILE_NAME}
    assert set(DATABASES) == {schema.FILE_NAME, *usage, f"{cache.FOLDER}/{CACHE}"}
    assert {ACCESS, PRICES} <= set(FILES)


def test_a_folder_that_is_ours_is_no_reason_to_refuse(tmp_path):
    state = tmp_path / "state"
    refuse_strange_state(state)
    usage_log(state)
    use_all(state)
    refuse_strange_state(state)
    usage_log(state)


def use_all(state):
    for use in USES.values():
        use(state)


def use_usage(state):
    log = SqliteUsageLog(state / usage_file.FILE_NAME, interval=0.01)
    with log._as_store_errors():
        log._connect()
    log._end()
    log.close()


def use_access(state):
    log = AccessLog(state, max_bytes=1)
    for _ in range(2):  # the second one finds the file too large, and takes the lock
        log.write([b"line"])
    log.close()


def use_trace(state):
    files = TraceFiles(state / TRACE)
    files.write(b"{}")
    files.close()


LOCK = "access.lock"
USES = {
    usage_file.FILE_NAME: use_usage,
    schema.FILE_NAME: lambda state: schema.open_counters(state / schema.FILE_NAME).close(),
    "cache": lambda state: open_cache(state / "cache", 1 << 20, 1 << 18).close(),
    "cache/cache.db": lambda state: open_cache(state / "cache", 1 << 20, 1 << 18).close(),
    ACCESS: use_access,
    LOCK: use_access,
    TRACE: use_trace,
    "metrics": lambda state: MetricsFolder(state, 10).write({}),
    "metrics/.PID.json.PID": lambda state: MetricsFolder(state, 10).write({}),
}


@pytest.mark.parametrize("kind", ANYWHERE)
@pytest.mark.parametrize("name", USES)
def test_nothing_is_written_to_what_appears_later(tmp_path, caplog, name, kind):
    path = tmp_path / "state" / name.replace("PID", str(os.getpid()))
    path.parent.mkdir(parents=True, mode=0o700)
    ANYWHERE[kind](path)
    remedy = "move it away, or choose another folder"
    if name == LOCK:  # lines are written all the same
        use_access(tmp_path / "state")
        assert remedy in caplog.text
        assert (tmp_path / "state" / ACCESS).read_bytes() == b"line\n" * 2
    else:
        with pytest.raises((StrangeFileError, StoreError), match=remedy):
            USES[name](tmp_path / "state")
    elsewhere = path.with_name("elsewhere")
    assert not elsewhere.is_file() or elsewhere.read_text() == "precious"
    assert not elsewhere.is_dir() or not list(elsewhere.iterdir())


@pytest.mark.parametrize("kind", ANYWHERE)
def test_nothing_is_read_from_it(tmp_path, caplog, kind):
    for name in ("usage.sqlite", "usage.sqlite-wal", "1.json", "one.jsonl", "folder"):
        (tmp_path / name).mkdir(mode=0o700)
        ANYWHERE[kind](tmp_path / name / name)
    for name in ("usage.sqlite", "usage.sqlite-wal"):
        with pytest.raises(StoreError, match="move it away"):
            list(read(tmp_path / name / "usage.sqlite"))
    with pytest.raises(StrangeFileError, match="move it away"):
        list(read_lines(tmp_path / "one.jsonl"))
    with pytest.raises(StrangeFileError, match="move it away"):
        list(read_lines(tmp_path / "folder" / "folder"))
    (tmp_path / "1.json").rename(tmp_path / "metrics")
    counts = {}
    MetricsFolder(tmp_path, 10).add_others(counts)
    assert not counts
    assert "move it away" in caplog.text


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o707, 0o722])
def test_a_folder_that_others_may_write_is_made_private(tmp_path, mode):
    for name in ("state", "state/cache", "state/metrics", "state/trace"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    usage_log(tmp_path / "state")
    use_all(tmp_path / "state")
    for name in ("state", "state/cache", "state/metrics", "state/trace"):
        assert (tmp_path / name).stat().st_mode & 0o7777 == 0o700


def test_a_folder_for_everybody_is_refused(tmp_path):
    tmp_path.chmod(0o1777)
    with pytest.raises(ConfigError, match=r"others may write to the folder .*chmod 700"):
        usage_log(tmp_path)
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_a_folder_of_somebody_else_in_which_we_may_write_is_refused():
    with reachable_folder() as folder:
        folder.chmod(0o777)

        def refused():
            with pytest.raises(StrangeFileError, match="others may write to the folder"):
                make_folder(folder)
            return True

        assert unprivileged(refused)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
@pytest.mark.parametrize("name", ["", "cache", "metrics", "trace"])
def test_root_does_not_use_a_folder_of_somebody_else(tmp_path, name):
    """Who owns it may write to it, whatever its mode is."""
    folder = tmp_path / "state" / name
    folder.mkdir(parents=True, mode=0o700)
    (tmp_path / "state").chmod(0o700)
    os.chown(folder, 65534, 65534)
    with pytest.raises(ConfigError, match=r"belongs to another user; make it yours \(chown\), or choose"):
        usage_log(tmp_path / "state")
    assert folder.stat().st_uid == 65534


def test_why_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    assert why_unwritable(tmp_path / "new" / ".aigw") == ""
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    assert why_unwritable(tmp_path / "file" / ".aigw") == f"{tmp_path / 'file'} is not a folder"
    with reachable_folder() as folder:
        said = f"{folder} cannot be written to: Permission denied"
        assert unprivileged(lambda: why_unwritable(folder / ".aigw") == said)


def test_usage_of_somebody_else_is_not_read():
    """It is private: `aigw usage`, `top` and `logs` say so."""
    with reachable_folder() as folder:
        state = folder / ".aigw"
        state.mkdir(mode=0o000)

        def says() -> bool:
            os.chdir(folder)
            for read in (
                feed_for(None, None, None).fetch,
                lambda *_: RecentRows(state / "usage.sqlite", RowFilter()).latest(1),
            ):
                with pytest.raises((FeedError, StoreError), match=r"usage.sqlite cannot be opened: Permission denied"):
                    read(["day"], "all")
            return True

        try:
            assert unprivileged(says)
        finally:
            state.chmod(0o700)


def test_a_file_that_cannot_be_opened_is_named_once():
    with reachable_folder() as folder:
        path = folder / ".aigw" / schema.FILE_NAME

        def says() -> bool:
            with pytest.raises(StoreError) as caught:
                schema.open_counters(path)
            return str(caught.value) == f"{path} cannot be opened: Permission denied"

        assert unprivileged(says)
