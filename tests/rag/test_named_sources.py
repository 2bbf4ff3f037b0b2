"""Finding: what a command line names, and what is left out of what it only finds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from documents import docx, paragraph, pdf
from unprivileged import reachable_folder, unprivileged

from aigw.rag.named_sources import NamedSource, find


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, data in {
        "docs/b.md": b"b",
        "docs/a/deep/x.txt": b"x",
        "docs/a/y.pdf": pdf([["y"]]),
        "docs/a/z.docx": docx(paragraph("z")),
        "docs/a.md": b"a",
        "docs/image.png": b"\x89PNG\0\0\0",
        "docs/empty.md": b"",
        "docs/.hidden.md": b"h",
        "docs/.hidden/x.md": b"h",
        "docs/drafts/d.md": b"d",
        "docs/node_modules/m/readme.md": b"m",
        "docs/.gitignore": b"drafts/\n*.tmp",
        "docs/n.tmp": b"n",
        "docs/logo.SVG": b"<svg/>",
        "docs/logo.xpm": b"static char *logo[];",
        "docs/lib.min.js": b"x",
        "docs/talk.ODP": b"PK\x03\x04content.xml",
        "other.md": b"o",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path


def names(*arguments):
    return [source.name for source in find(arguments, Path.cwd()).sources]


def test_a_folder_is_searched_in_order(tree):
    finding = find(["docs"], tree)
    assert [source.name for source in finding.sources] == [
        "docs/a.md",
        "docs/b.md",
        "docs/a/y.pdf",
        "docs/a/z.docx",
        "docs/a/deep/x.txt",
    ]
    assert finding.sources[0] == NamedSource("docs/a.md", "file", tree / "docs/a.md")
    assert finding.left_out == {"hidden": 3, "ignored": 3, "binary": 1, "empty": 1, "generated": 3, ".odp": 1}
    assert finding.problems == finding.empty == []


def test_what_is_named_is_taken(tree):
    assert names("docs/drafts/d.md", "docs/.hidden.md", "docs/image.png", "docs/empty.md") == [
        "docs/drafts/d.md",
        "docs/.hidden.md",
        "docs/image.png",
        "docs/empty.md",
    ]
    assert names("docs/.hidden", "docs/drafts") == ["docs/.hidden/x.md", "docs/drafts/d.md"]


def test_nothing_comes_twice_and_names_are_plain(tree):
    assert names("docs/b.md", "./docs/../docs/b.md", "docs/a", str(tree / "docs/a/y.pdf"), "-", "-") == [
        "docs/b.md",
        "docs/a/y.pdf",
        "docs/a/z.docx",
        "docs/a/deep/x.txt",
        "stdin",
    ]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("docs/*.md", ["docs/a.md", "docs/b.md"]),
        ("docs/**/*.txt", ["docs/a/deep/x.txt"]),
        ("**/*.md", ["other.md", "docs/a.md", "docs/b.md"]),
        ("docs/[a-b].md", ["docs/a.md", "docs/b.md"]),
        ("docs/?", ["docs/a/y.pdf", "docs/a/z.docx", "docs/a/deep/x.txt"]),
        ("*.md", ["other.md"]),
        ("docs/n.*", []),
    ],
)
def test_globs_are_found_without_the_shell(tree, pattern, found):
    finding = find([pattern], tree)
    assert [source.name for source in finding.sources] == found
    assert bool(finding.empty) == (not found)


def test_a_glob_that_is_no_pattern_is_a_problem(tree):
    assert find(["docs/[b-a].md"], tree).problems == [
        ("docs/[b-a].md", "no file has this name, and it is no valid pattern")
    ]


def test_a_missing_package_is_named(tree):
    (tree / "pathspec.py").write_text("raise ModuleNotFoundError")
    code = "import pathlib, sys; sys.path.insert(0, '.'); from aigw.rag.named_sources import find; find(['docs'], pathlib.Path.cwd())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "RetrievalError: the package pathspec is missing: pip install '.[rag]' in the clone of aigw" in ended.stderr


def test_a_file_with_the_name_of_a_glob_is_itself(tree):
    (tree / "docs/a[1].md").write_text("x")
    assert names("docs/a[1].md") == ["docs/a[1].md"]


def test_files_elsewhere_have_their_whole_path(tree):
    assert [source.name for source in find(["other.md", "docs/b.md"], tree / "docs").sources] == [
        str(tree / "other.md"),
        "b.md",
    ]


def test_urls_and_stdin_are_taken_as_they_are(tree):
    finding = find(["https://example.com/a?b#part", "HTTP://x/", "-", "ftp://x/y"], tree)
    assert finding.sources == [
        NamedSource("https://example.com/a?b", "url"),
        NamedSource("HTTP://x/", "url"),
        NamedSource("stdin", "stdin"),
    ]
    assert find(["-", "-"], tree, "notes.md").sources == [NamedSource("notes.md", "stdin")]
    assert finding.problems == [("ftp://x/y", "only http:// and https:// can be fetched")]


def test_what_is_not_there_is_a_problem_with_its_name(tree):
    os.mkfifo(tree / "pipe")
    finding = find(["none.md", "docs/b.md", "docs/none/", "none/*.md", "pipe", "docs/b.md/x", "a\0b"], tree)
    assert [source.name for source in finding.sources] == ["docs/b.md"]
    *problems, (nul, why) = finding.problems
    assert problems == [
        ("none.md", "No such file or directory"),
        ("docs/none", "No such file or directory"),
        ("none", "No such file or directory"),
        ("pipe", "it is neither a file nor a folder; give - to read stdin"),
        ("docs/b.md/x", "Not a directory"),
    ]
    assert (nul, "embedded null" in why) == ("a\0b", True)


def test_a_folder_in_which_nothing_is_found_is_said(tree):
    (tree / "docs/nothing").mkdir()
    assert find(["docs/nothing", "docs"], tree).empty == ["docs/nothing"]


def test_links_in_a_folder_are_not_followed(tree):
    (tree / "docs/out.md").symlink_to(tree / "other.md")
    (tree / "docs/up").symlink_to(tree)
    (tree / "docs/broken").symlink_to("nowhere")
    finding = find(["docs"], tree)
    assert finding.left_out["link"] == 3
    assert not any("out.md" in source.name or "up" in source.name for source in finding.sources)
    assert names("docs/out.md") == ["docs/out.md"]
    assert "docs/up/other.md" in names("docs/up")


def test_what_is_no_file_is_left_out(tree):
    os.mkfifo(tree / "docs/pipe")
    assert find(["docs"], tree).left_out["binary"] == 2


def test_names_that_are_no_text_are_told_apart(tree):
    for name in (b"docs/\xff.md", b"docs/\xfe.md"):
        Path(os.fsdecode(name)).write_text("x")
    found = [source for source in find(["docs"], tree).sources if "\\x" in source.name]
    assert {source.name for source in found} == {"docs/\\xff.md", "docs/\\xfe.md"}
    assert all(source.path.read_text() == "x" for source in found)


def test_what_may_not_be_opened_is_a_problem_and_the_rest_is_found():
    with reachable_folder() as folder:
        (folder / "a.md").write_text("a")
        (folder / "secret.md").write_text("s")
        (folder / "secret.md").chmod(0)
        (folder / "closed").mkdir(mode=0)

        def is_found():
            finding = find([str(folder)], folder)
            assert [source.name for source in finding.sources] == ["a.md"]
            assert finding.problems == [("secret.md", "Permission denied"), ("closed", "Permission denied")]
            assert not finding.covers("closed/x.md")
            assert not finding.covers("secret.md")
            return finding.covers("gone.md")

        assert unprivileged(is_found)


def test_what_was_found_before_is_covered_only_where_it_was_searched(tree):
    finding = find(["docs", "*.md", "other/none.md"], tree)
    assert finding.covers("docs/gone.md")
    assert finding.covers("gone.md")
    assert not finding.covers("docs2/gone.md")
    assert not finding.covers("gone.txt")
    assert not finding.covers("other/none.md")
    assert not finding.covers("https://example.com/")
    assert find(["."], tree).covers("any/where.txt")
    assert not find(["."], tree).covers("/else/where.txt")
    assert not find(["."], tree).covers("https://example.com/")
    assert not find(["."], tree).covers("stdin")
    assert not find(["."], tree).covers("-"), "what stdin was called before"
    assert not find(["docs/a.md"], tree).covers("docs/a.md")
