"""The access log: whole lines, bounded size, several processes."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from usage_rows import until

from aigw.books.access_log import FILE_NAME, AccessLog, AccessQueue

ROOT = Path(__file__).parents[2]
WRITER = """
import json, pathlib, sys
from aigw.books.access_log import AccessLog
who, folder = sys.argv[1], pathlib.Path(sys.argv[2])
log = AccessLog(folder, max_bytes=20_000, keep=100)
sys.stdin.read()
for batch in range(100):
    log.write([json.dumps({"who": who, "n": batch * 10 + n, "filler": "x" * 50}).encode() for n in range(10)])
log.close()
"""


def lines(folder):
    found = sorted(
        folder.glob(f"{FILE_NAME}*"), key=lambda path: int(path.suffix[1:]) if path.suffix != ".jsonl" else 0
    )
    return [line for path in reversed(found) for line in path.read_bytes().splitlines(keepends=True)]


def test_lines_are_appended(tmp_path):
    for _ in range(2):
        log = AccessLog(tmp_path / "state")
        log.write([b"a", b"b"])
        log.write([])
        log.close()
    assert (tmp_path / "state" / FILE_NAME).read_bytes() == b"a\nb\na\nb\n"
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "state" / FILE_NAME).stat().st_mode) == 0o600


def test_nothing_to_write_makes_no_file(tmp_path):
    log = AccessLog(tmp_path / "state")
    log.write([])
    log.close()
    assert not (tmp_path / "state").exists()


def test_old_files_are_kept_up_to_a_number(tmp_path):
    log = AccessLog(tmp_path, max_bytes=10, keep=2)
    for n in range(10):
        log.write([b"line %d....." % n])
    log.close()
    assert sorted(path.name for path in tmp_path.glob("access.jsonl*")) == [
        FILE_NAME, f"{FILE_NAME}.1", f"{FILE_NAME}.2",
    ]  # fmt: skip
    assert lines(tmp_path) == [b"line 7.....\n", b"line 8.....\n", b"line 9.....\n"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


def test_a_rotation_that_fails_costs_no_line_and_no_old_file(tmp_path, caplog):
    in_the_way = tmp_path / f"{FILE_NAME}.2"
    (in_the_way / "folder").mkdir(parents=True)
    log = AccessLog(tmp_path, max_bytes=10, keep=2)
    for n in range(10):
        log.write([b"line %d....." % n])
    assert (tmp_path / f"{FILE_NAME}.1").read_bytes() == b"line 0.....\n"
    assert (tmp_path / FILE_NAME).read_bytes().splitlines() == [b"line %d....." % n for n in range(1, 10)]
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        f"{tmp_path / FILE_NAME} cannot be moved away and grows on"
    ]
    in_the_way.rename(tmp_path / "away")
    for n in range(10, 13):
        log.write([b"line %d....." % n])
    log.close()
    assert lines(tmp_path) == [b"line 10.....\n", b"line 11.....\n", b"line 12.....\n"]
    assert len(caplog.records) == 1


def test_a_rotation_without_a_lock_is_tried_again(tmp_path):
    (tmp_path / "access.lock").mkdir()
    queue = AccessQueue(AccessLog(tmp_path, max_bytes=10), interval=0.0, retry=0.001)
    for n in range(20):
        queue.append(b"line %d....." % n)
        until(lambda: not queue._queue)
    (tmp_path / "access.lock").rmdir()
    queue.append(b"last")
    queue.close()
    assert queue.failures == 0
    assert (tmp_path / FILE_NAME).read_bytes() == b"last\n"
    assert lines(tmp_path) == [*(b"line %d.....\n" % n for n in range(20)), b"last\n"]


def test_a_file_that_somebody_moved_or_deleted(tmp_path):
    log = AccessLog(tmp_path)
    log.write([b"a"])
    (tmp_path / FILE_NAME).replace(tmp_path / "moved")
    log.write([b"b"])
    (tmp_path / FILE_NAME).unlink()
    log.write([b"c"])
    log.close()
    assert (tmp_path / "moved").read_bytes() == b"a\n"
    assert (tmp_path / FILE_NAME).read_bytes() == b"c\n"


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    log = AccessLog(tmp_path / "file" / "state")
    with pytest.raises(OSError, match="Not a directory"):
        log.write([b"a"])


def test_after_a_full_disk_each_line_is_whole_and_there_once(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    queue = AccessQueue(AccessLog(tmp_path), interval=0.0, retry=0.001)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9, before[1]))
    try:
        queue.extend([b"first", b"second", b"third"])
        until(lambda: queue.failures >= 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    queue.append(b"fourth")
    queue.close()
    assert lines(tmp_path) == [b"first\n", b"sec\n", b"second\n", b"third\n", b"fourth\n"]


def test_several_processes_rotate_it_and_lose_nothing(tmp_path, child):
    command = [sys.executable, "-c", WRITER]
    writers = [child([*command, who, str(tmp_path)], stdin=subprocess.PIPE, cwd=ROOT) for who in ("a", "b", "c")]
    for writer in writers:
        writer.stdin.close()
    assert [writer.wait(20) for writer in writers] == [0, 0, 0]
    read = [json.loads(line) for line in lines(tmp_path)]
    assert sorted((line["who"], line["n"]) for line in read) == [(who, n) for who in "abc" for n in range(1000)]
    assert len(list(tmp_path.glob(f"{FILE_NAME}.*"))) > 5


def test_lines_that_wait_are_written_once_it_is_possible_again(tmp_path, caplog):
    (tmp_path / "state").write_text("")
    queue = AccessQueue(AccessLog(tmp_path / "state"), interval=0.01, retry=0.001)
    queue.open()
    queue.extend([b"1", b"2"])
    until(lambda: queue.failures >= 2)
    (tmp_path / "state").unlink()
    queue.extend([b"3"])
    queue.close()
    assert (tmp_path / "state" / FILE_NAME).read_bytes() == b"1\n2\n3\n"
    assert [record.message.partition(":")[0] for record in caplog.records] == ["the access log cannot be written"]


def test_each_line_is_in_the_log_once_and_in_its_place(tmp_path):
    queue = AccessQueue(AccessLog(tmp_path), interval=0.01)
    for number in range(0, 3000, 3):
        queue.extend([b"%d" % each for each in range(number, number + 3)])
    queue.close()
    assert [*map(int, (tmp_path / FILE_NAME).read_bytes().split())] == list(range(3000))
