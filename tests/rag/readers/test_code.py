"""Source code: titles above definitions, and that no line is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.rag.document import Block
from aigw.rag.readers.code import read


def test_what_has_no_definitions_is_one_block_without_blank_ends():
    assert read(b"\na: 1\r\n\nb: 2\n\n").blocks == [Block("code", "a: 1\n\nb: 2", 2, 4)]
    assert read(b" \n").blocks == []


def test_definitions_are_titles_and_comments_above_belong_to_them():
    source = "package a\n\n// Start starts.\nfunc (s *Server) Start() {\n\tif (x) {\n\t}\n}\n\ntype T struct {\n}\n"
    assert read(source.encode()).blocks == [
        Block("code", "package a", 1, 1),
        Block("heading", "", 3, 3, level=1, title="Start"),
        Block("code", "// Start starts.\nfunc (s *Server) Start() {\n\tif (x) {\n\t}\n}", 3, 7),
        Block("heading", "", 9, 9, level=1, title="T"),
        Block("code", "type T struct {\n}", 9, 10),
    ]


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("export default async function load(x) {", "load"),
        ("export class A extends B {", "A"),
        ("pub(crate) fn run<T>(x: T) -> u8 {", "run"),
        ("impl<T> Display for X {", "Display"),
        ("fun main() {", "main"),
        ("def each", "each"),
        ("public final class Main {", "Main"),
        ("static int parse(const char *s)", "parse"),
        ("std::string Foo::bar(int a) const {", "Foo::bar"),
        ("int main(void) {", "main"),
        ("int x = f(1);", ""),
        ("class Declared;", ""),
        ("if (x) {", ""),
        ("return f(x)", ""),
        ("    fn inner() {", ""),
        ("typed = 3", ""),
        ("", ""),
    ],
)
def test_definitions_of_many_languages(line, title):
    assert next((block.title for block in read(line.encode()).blocks if block.level), "") == title


LINES = ["func a() {", "  x", "}", "", "// c", "class B", "int f(int x)", "@d", "y: 1"]


@given(st.lists(st.sampled_from(LINES), max_size=20))
def test_no_line_is_lost_and_none_comes_twice(lines):
    blocks = [block for block in read("\n".join(lines).encode()).blocks if block.text]
    assert [line for block in blocks for line in block.text.split("\n") if line.strip()] == [
        line for line in lines if line.strip()
    ]
    for block in blocks:
        assert block.text == "\n".join(lines[block.first - 1 : block.last])


def test_long_lines_take_no_time():
    assert read(b"a " * 500_000 + b"\n" + b"x" * 1_000_000 + b"\n" + b"a(" * 100_000).blocks
