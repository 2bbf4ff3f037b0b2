"""What git would ignore, as git itself says."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.rag.gitignore import Ignored

PATHS = [
    "a.log",
    "keep.log",
    "build/x",
    "build/keep.log",
    "sub/a.log",
    "sub/build/x",
    "sub/top.txt",
    "top.txt",
    "sub/deep/x",
    "sub/deep/keep.log",
]
PATTERNS = [
    "*.log",
    "!keep.log",
    "build/",
    "/top.txt",
    "sub/**/x",
    "**/deep",
    "x",
    "!x",
    "/sub/*",
    "# no",
    "",
    "\\",
    "b*d/",
    "[a-k]*.log",
    "sub",
    "!sub/",
    "[b-a]",
    "*",
]


def make(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def kept(root, folder=None):
    """Files in a folder of those that are not ignored, as the finder walks."""
    start = folder or root
    waiting = [(start, Ignored.at(start))]
    while waiting:
        where, ignored = waiting.pop()
        ignored = ignored if where == start else ignored.inside(where)
        for path in where.iterdir():
            if path.name.startswith(".git") or ignored.has(path, is_folder=path.is_dir()):
                continue
            if path.is_dir():
                waiting.append((path, ignored))
            else:
                yield path.relative_to(root).as_posix()


@pytest.mark.skipif(not shutil.which("git"), reason="git is what it is compared with")
@given(st.lists(st.sampled_from(PATTERNS), max_size=5), st.lists(st.sampled_from(PATTERNS), max_size=4), st.lists(st.sampled_from(PATTERNS), max_size=2))  # fmt: skip
@settings(max_examples=60)
def test_it_ignores_what_git_ignores(tmp_path_factory, top, inner, excluded):
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    make(
        root,
        dict.fromkeys(PATHS, "x")
        | {
            ".gitignore": "\n".join(top),
            "sub/.gitignore": "\r\n".join(inner),
            ".git/info/exclude": "\n".join(excluded),
        },
    )
    command = ["git", "-c", "core.excludesFile=/dev/null", "ls-files", "-o", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split()
    assert sorted(kept(root)) == sorted(name for name in listed if ".gitignore" not in name)


def test_patterns_above_count_up_to_the_repository(tmp_path):
    make(
        tmp_path,
        {
            ".gitignore": "*",
            "repo/.git/HEAD": "",
            "repo/.gitignore": "*.log",
            "repo/docs/a.log": "",
            "repo/docs/a.md": "",
        },
    )
    assert list(kept(tmp_path / "repo", tmp_path / "repo/docs")) == ["docs/a.md"]


def test_a_folder_without_a_repository_has_its_own_patterns_only(tmp_path):
    make(tmp_path, {".gitignore": "*", "docs/.gitignore": "*.log", "docs/a.log": "", "docs/a.md": ""})
    assert list(kept(tmp_path, tmp_path / "docs")) == ["docs/.gitignore"[:0] + "docs/a.md"]


def test_a_folder_that_is_named_is_not_ignored(tmp_path):
    make(
        tmp_path,
        {
            ".git/HEAD": "",
            ".gitignore": "build/\n*.log",
            "build/out/a.md": "",
            "build/out/a.log": "",
            "build/out/.gitignore": "b*",
            "build/out/b": "",
        },
    )
    assert sorted(kept(tmp_path, tmp_path / "build/out")) == ["build/out/a.log", "build/out/a.md"]
