"""aigw/traffic/writing/writer.py: it writes until something fails, and says what."""

import errno
import subprocess
import sys

from recorded_calls import RULES, chat_call, delta, said, streamed, user

from aigw.traffic.format.folder import Folder
from aigw.traffic.writing.folder_writer import FolderWriter
from aigw.traffic.writing.writer import Writing

HI = chat_call(user("hi"))


class FullFolder(Folder):
    """A folder on a disk that has no room."""

    def write(self, name, recording, sides):
        raise OSError(errno.ENOSPC, "No space left on device")


def writing(folder):
    folder.claim("r1")
    folder.release()
    return Writing(FolderWriter(folder, "", RULES, (), "c"))


def take(writing, answered, call=HI):
    return [writing.take(1, call), writing.take(1, answered)]


def test_what_can_be_written_says_nothing(tmp_path):
    assert take(writing(Folder(tmp_path)), said("yo")) == [None, None]
    assert [entry.name for entry in Folder(tmp_path).entries()] == ["001-01-chat.json"]


def test_a_full_disk_is_said_once(tmp_path):
    full = writing(FullFolder(tmp_path))
    assert take(full, said("yo"))[1].failure == f"{tmp_path}: No space left on device"
    assert take(full, said("yo")) == [None, None]


def test_a_secret_that_cannot_be_hidden_is_not_written_and_the_next_call_is(tmp_path):
    both = writing(Folder(tmp_path))
    refused = take(both, streamed(delta("sk-proj-"), delta("abcdefghijklmnop")))[1].refused
    assert refused.startswith(f"{tmp_path / '001-01-chat.json'} was not written: the text of the answer spells")
    assert take(both, said("yo")) == [None, None]
    assert [entry.name for entry in Folder(tmp_path).entries()] == ["001-02-chat.json"]


def test_a_fault_of_ours_is_said_too(tmp_path):
    assert "a fault in aigw: KeyError" in writing(Folder(tmp_path)).take(9, said("nobody asked")).failure


def test_a_second_run_goes_on_behind_the_first(tmp_path):
    for _ in range(2):
        take(writing(Folder(tmp_path)), said("yo"), HI._replace(asked="", dialect="", client=None))
    assert [entry.name for entry in Folder(tmp_path).entries()] == [
        "000-01-chat.json",
        "000-02-chat.json",
    ]


def test_a_gateway_that_is_killed_before_it_has_said_anything():
    command = [sys.executable, "-m", "aigw.traffic.writing.writer"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
