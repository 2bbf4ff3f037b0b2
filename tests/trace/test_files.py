"""The files of traces: bounded by number and size, shared by processes, whole lines only."""

import itertools

import pytest

from aigw.trace.files import TraceFiles, read_lines


@pytest.fixture
def now():
    ticks = itertools.count(1_700_000_000)
    return lambda: float(next(ticks))


def numbers(folder):
    return [int(line) for line in read_lines(folder)]


def test_the_newest_requests_are_kept(tmp_path, now):
    files = TraceFiles(tmp_path / "trace", max_requests=100, now=now)
    for number in range(1234):
        files.write(str(number).encode())
    files.close()
    kept = numbers(tmp_path / "trace")
    assert kept == list(range(kept[0], 1234))
    assert 90 <= len(kept) <= 100


def test_the_bytes_are_bounded(tmp_path, now):
    files = TraceFiles(tmp_path, max_bytes=10_000, now=now)
    for number in range(1000):
        files.write(str(number).rjust(99).encode())
    files.close()
    assert 8_000 <= sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000
    assert numbers(tmp_path)[-1] == 999


def test_a_line_larger_than_a_file_is_written(tmp_path, now):
    files = TraceFiles(tmp_path, max_bytes=100, now=now)
    files.write(b"1" * 50)
    files.write(b"2" * 50)
    files.close()
    assert list(read_lines(tmp_path))[-1] == b"2" * 50 + b"\n"


def test_a_file_that_another_process_deleted_is_begun_again(tmp_path, now):
    files = TraceFiles(tmp_path, now=now)
    files.write(b"1")
    for path in tmp_path.iterdir():
        path.unlink()
    files.write(b"2")
    files.close()
    assert numbers(tmp_path) == [2]


def test_two_writers_keep_their_lines_apart(tmp_path, now):
    first, second = (TraceFiles(tmp_path, max_requests=100, now=now) for _ in range(2))
    for number in range(0, 60, 2):
        first.write(str(number).encode())
        second.write(str(number + 1).encode())
    first.close()
    second.close()
    assert sorted(numbers(tmp_path)) == list(range(60))
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())


def test_nothing_is_there(tmp_path):
    assert list(read_lines(tmp_path / "none")) == []
