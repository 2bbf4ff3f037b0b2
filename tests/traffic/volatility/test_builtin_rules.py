"""What the built-in rules find in texts, and what they leave."""

import pytest

from aigw.traffic.volatility.builtin_rules import KINDS, folder_kind, may_contain

UUID = "0a1b2c3d-0000-4000-8000-00000000000F"


def found(text, kinds=KINDS):
    for kind in kinds:
        if may_contain(kind, text):
            text = kind.pattern.sub(lambda match: (match[1] if match.re.groups else "") + f"<{kind.name}>", text)  # noqa: B023
        else:
            assert not kind.pattern.search(text), f"the hints of {kind.name} miss it"
    return text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"run {UUID}", "run <uuid>"),
        (f"msg_{UUID},{UUID.lower()}", "msg_<uuid>,<uuid>"),
        ("2026-11-29T23:12:25Z", "<time>"),
        ("2026-11-29T23:12:25.123456+00:00", "<time>"),
        ("at 2026-11-29 23:12, done", "at <time>, done"),
        ("2026-11-29 23:12:25,123 +0200 ok", "<time> ok"),
        ("20261129T231225Z", "<time>"),
        ("/tmp/tmpab_1/data/x.txt", "<path>/data/x.txt"),
        ("(/private/tmp/x)", "(<path>)"),
        ("make 2>/tmp/log", "make 2><path>"),
        ("/var/tmp/x-y.json:3", "<path>:3"),
        ("/var/folders/ab/c_d0000gn/T/tmpx/f", "<path>/f"),
        ("/tmp/pytest-of-me/pytest-12/test_it0/f", "<path>/test_it0/f"),
        ("/tmp/pytest-of-me/pytest-12/popen-gw1/test_it0", "<path>/test_it0"),
        (r"C:\Users\me\AppData\Local\Temp\tmpx\f", r"<path>\f"),
        (r"C:\\Users\\me\\AppData\\Local\\Temp\\tmpx\\f", r"<path>\\f"),
        (r"out:\n/tmp/x\n", r"out:\n<path>\n"),
        ("Today's date: 2026-11-29", "Today's date: <date>"),
        ("Today’s date is Sunday, November 29, 2026 (local)", "Today’s date is <date> (local)"),
        ("Today is Sunday.", "Today is <date>."),
        ("  Today's date: Tue Dec 01 2026\n</env>", "  Today's date: <date>\n</env>"),
        ("Today's date is 2026-12-01 (Tuesday).", "Today's date is <date>."),
        ("**Local date:** 2026-12-01 UTC+00:00\n", "**Local date:** <date>\n"),
        ("<env>\n2. Date: 12/1/2026\n3. IDE: x", "<env>\n2. Date: <date>\n3. IDE: x"),
        ("[Tue 2026-12-01 02:59 UTC] go", "[<time> UTC] go"),
        ("Current date: 29 Nov 2026", "Current date: <date>"),
        ("The current date is 11/29/2026.", "The current date is <date>."),
        ("Current date and time: 2026-11-29 23:12:25 UTC", "Current date and time: <date>"),
        ("Current time: 11:12 PM", "Current time: <date>"),
        ("**Today's date**: 2026-11-29", "**Today's date**: <date>"),
        ("<current_date>2026-11-29</current_date>", "<current_date><date></current_date>"),
        ('{"current_date": "2026-11-29"}', '{"current_date": "<date>"}'),
        ("今天是2026年11月29日星期日。", "今天是<date>。"),
        ("当前日期：2026-11-29", "当前日期：<date>"),
    ],
)
def test_what_is_found(text, left):
    assert found(text) == left
    assert found(left) == left


@pytest.mark.parametrize(
    "text",
    [
        "0a1b2c3d-0000-4000-8000",
        "Who was born on 2024-01-05?",
        "It is 12:30.",
        "Today we build a house",
        "Today I met 3 people: 2024-01-05",
        "the current state: 12 items",
        "Invoice\nDate: 12/1/2026",
        "Today Tuesday's child",
        "/template/x",
        "my/tmp/x",
        "C:\\Temporary",
        "1-2-3 4:5",
    ],
)
def test_what_is_left(text):
    assert found(text) == text


@pytest.mark.parametrize(
    ("folder", "text", "left"),
    [
        ("/home/me/app", "in /home/me/app/x.py", "in <folder>/x.py"),
        ("/home/me/app/", "<cwd>/home/me/app</cwd>", "<cwd><folder></cwd>"),
        ("/home/me/app", "file:///home/me/app.", "file://<folder>."),
        ("/home/me/app", r"x\n/home/me/app", r"x\n<folder>"),
        ("/home/me/app", "/home/me/app2 /home/me/app-x /srv/home/me/app", None),
        ("/a(b", "/a(b/c", "<folder>/c"),
        (r"C:\code\app", r"C:\code\app\x C:\\code\\app\\x C:/code/app/x", r"<folder>\x <folder>\\x <folder>/x"),
        (r"C:\code\app", r"C:\code\apple", None),
    ],
)
def test_a_folder(folder, text, left):
    assert found(text, [folder_kind("folder", folder)]) == (left or text)


@pytest.mark.parametrize("folder", ["", "/", "C:\\", "//"])
def test_no_folder(folder):
    assert folder_kind("folder", folder) is None
