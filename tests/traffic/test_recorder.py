"""aigw/traffic/recorder.py: nobody waits for a recording, and a disk that fails is said at once."""

import errno
import logging

import pytest
from fakes import FakeClock, chat
from multidict import CIMultiDict
from recorded_calls import RULES

from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.model import Origin, Target
from aigw.traffic.folder import Folder
from aigw.traffic.recorder import FolderRecorder
from aigw.traffic.scribe import Scribe
from aigw.upstream.tape import Outgoing

CALL = Outgoing(chat({"model": "gpt-4o"}), Target(Origin("https", "a.example.com", 443), "a.example.com"), None)


class FullFolder(Folder):
    """A folder on a disk that has no room."""

    def write(self, name, recording, sides):
        raise OSError(errno.ENOSPC, "No space left on device")


def recorder(folder, **options):
    scribe = Scribe(folder, folder.claim("r1"), RULES, (), "c")
    return FolderRecorder(scribe, FakeClock(), **options)


def record(recorder):
    take = recorder.begin(CALL)
    take.head(200, CIMultiDict({"content-type": "application/json"}))
    take.piece(b"{}")
    take.end(None, whole=True)


def test_what_was_taken_is_written_at_the_latest_at_the_end(tmp_path):
    recording = recorder(Folder(tmp_path))
    for _ in range(20):
        record(recording)
    recording.close()
    assert recording.written == len(Folder(tmp_path).entries()) == 20


def test_only_the_first_end_counts(tmp_path):
    recording = recorder(Folder(tmp_path))
    take = recording.begin(CALL)
    take.end(UpstreamError(UpstreamFault.CONNECT, "https://a.example.com:443: refused"), whole=False)
    take.end(None, whole=True)
    recording.close()
    (entry,) = Folder(tmp_path).entries()
    end = Folder(tmp_path).read(entry.name).end
    assert (end.ended, end.fault, end.message) == ("unreachable", "CONNECT", "https://a.example.com:443: refused")


def test_a_full_disk_is_said_once_and_traffic_goes_on(tmp_path, caplog):
    recording = recorder(FullFolder(tmp_path))
    for _ in range(3):
        record(recording)
    recording.close()
    (line,) = [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]
    assert line == f"recording has stopped: {tmp_path}: No space left on device; traffic goes on without"
    assert recording.begin(CALL) is None


def test_traffic_stops_where_the_configuration_says_so(tmp_path, caplog):
    recording = recorder(FullFolder(tmp_path), on_error="stop")
    record(recording)
    recording.close()
    with pytest.raises(GatewayError, match="No space left on device") as caught:
        recording.begin(CALL)
    assert (caught.value.status, caught.value.headers) == (503, {"x-should-retry": "false"})
    assert "traffic stops, too" in caplog.text


def test_a_second_run_goes_on_behind_the_first(tmp_path):
    for _ in range(2):
        recording = recorder(Folder(tmp_path))
        record(recording)
        recording.close()
    assert [entry.name for entry in Folder(tmp_path).entries()] == [
        "000-01-completions.json",
        "000-02-completions.json",
    ]
