"""A process that opens a file twice keeps its place in it: another one that leaves must not take its log away."""

import contextlib
import subprocess
import sys

from aigw.stores.sqlite_file import Format, open_for_writing

FORMAT = Format("test file", application=0x61696771, version=1, schema=("CREATE TABLE t (x)",))
OTHER = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    connection.execute("INSERT INTO t VALUES (2)")
connection.close()
"""


def test_another_process_that_leaves(tmp_path):
    path = tmp_path / "f.sqlite"
    with contextlib.closing(open_for_writing(path, FORMAT)) as ours:
        ours.execute("INSERT INTO t VALUES (1)")
        open_for_writing(path, FORMAT).close()
        subprocess.run([sys.executable, "-c", OTHER, str(path)], check=True)
        assert ours.execute("SELECT x FROM t ORDER BY x").fetchall() == [(1,), (2,)]
        ours.execute("INSERT INTO t VALUES (3)")
        with contextlib.closing(open_for_writing(path, FORMAT)) as again:
            assert again.execute("SELECT count(*) FROM t").fetchone() == (3,)
