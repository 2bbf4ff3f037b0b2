"""aigw/config/variables.py: secrets that stand in files."""

import pytest

from aigw.config.variables import MAX_BYTES, Variables


def test_the_file_of_a_variable_is_read_if_the_variable_is_missing(tmp_path):
    (tmp_path / "key").write_bytes(b"sk-1\r\n")
    env = Variables({"A_FILE": str(tmp_path / "key"), "B": "b", "B_FILE": "/nowhere", "C_FILE": ""})
    assert (env["A"], env["B"], env.get("C"), "A" in env, "C" in env) == ("sk-1", "b", None, True, False)
    assert (sorted(env), env.why) == (["A_FILE", "B", "B_FILE", "C_FILE"], {})


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read: No such file or directory"), (b"\xff", "is not UTF-8"),
     (b"x" * (MAX_BYTES + 1), "is larger than 64 KiB")],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_named(tmp_path, content, reason):
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    env = Variables({"A_FILE": str(path)})
    assert "A" not in env
    assert env.why == {"A": f"{path}, which A_FILE names, {reason}"}


def test_a_folder_is_no_file(tmp_path):
    env = Variables({"A_FILE": str(tmp_path)})
    assert env.get("A") is None
    assert env.why["A"].endswith("is not a file")
