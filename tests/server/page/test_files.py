"""The files of the page are served by a table of their names, and their policy lets nothing else run."""

from types import SimpleNamespace

import pytest

from aigw.server.page.files import INDEX, POLICY, page_file, page_files, read_files


def asked(**headers):
    return SimpleNamespace(headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
def table(tmp_path):
    (tmp_path / INDEX).write_text("<!doctype html>")
    (tmp_path / "start.js").write_text("export {}")
    (tmp_path / "notes.txt").write_text("of nobody")
    (tmp_path / "folder.js").mkdir()
    return read_files(tmp_path)


def test_files_of_known_kinds_are_there(table):
    assert sorted(table) == [INDEX, "start.js"]


def test_a_file_has_its_kind_and_the_policy(table):
    answer = page_file(asked(), INDEX, table)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in POLICY


def test_a_browser_that_has_it_does_not_get_it_again(table):
    tag = page_file(asked(), INDEX, table).headers["etag"]
    assert page_file(asked(if_none_match=f'"other", W/{tag}'), INDEX, table).status == 304
    assert page_file(asked(if_none_match='"other"'), INDEX, table).status == 200


@pytest.mark.parametrize("name", ["", "..", "../files.py", "static/index.html", "index.html/", "INDEX.HTML", "%2e%2e"])
def test_there_is_nothing_else(table, name):
    assert page_file(asked(), name, table) is None


def test_nothing_is_from_elsewhere_or_inline():
    for name, file in page_files().items():
        text = file.body.decode() if not name.endswith(".png") else ""
        assert "innerHTML" not in text, name
        if name.endswith(".html"):
            assert "<style" not in text
            assert ' onclick="' not in text
            assert 'src="http' not in text
