"""HTML: what is content, its order and structure."""

from hypothesis import given
from hypothesis import strategies as st

from aigw.rag.document import Block
from aigw.rag.readers.html import read, read_text

PAGE = """
<html><head><title>T &amp; co</title><style>x</style></head><body><header><h1>Site</h1></header><nav><ul><li>Home</ul></nav>
<article><header><h1>Install<a class=headerlink href=#x>¶</a></h1></header><p>One <b>bo</b>ld, <i>it</i>.<br>Next   line.
<pre>
a
  b

c
</pre>
<ul><li>q<ul><li>r<p>para in r</p></ul><li><p>first</p><p>second</p><pre>code in li</pre></ul>
<ol><li>x<li>y</ol><script>no</script><!-- no -->
<table><tr><th>a<th>b<tr><td>1|2<td>2 <b>x</b></table>
<table><tr><td><h2>In layout</h2><p>Cell</p></table>
<dl><dt>term<dd>definition<dt>term2<dd><p>para</p></dl>
bare text<aside>in article</aside><div hidden>no</div><span aria-hidden=true>no</span></article><footer>foot</footer></body></html>
"""


def test_blocks_come_in_order_without_navigation():
    document = read(PAGE.encode())
    assert document.title == "Install"
    assert [(block.kind, block.text) for block in document.blocks] == [
        ("heading", "Install"),
        ("paragraph", "One bold, it.\nNext line."),
        ("code", "a\n  b\n\nc"),
        ("list", "- q\n  - r\n    para in r\n- first\n  second"),
        ("code", "code in li"),
        ("list", "1. x\n1. y"),
        ("table", "| a | b |\n|---|---|\n| 1\\|2 | 2 x |"),
        ("heading", "In layout"),
        ("paragraph", "Cell"),
        ("paragraph", "term\ndefinition"),
        ("paragraph", "term2"),
        ("paragraph", "para"),
        ("paragraph", "bare text"),
        ("paragraph", "in article"),
    ]
    assert document.blocks[0] == Block("heading", "Install", level=1, title="Install")


def texts(page):
    return [block.text for block in read_text(page).blocks]


def test_items_of_lists_may_have_blocks():
    assert texts("<ul><li><div>a</div></li><li>\n<p>b</p><p>c</p></ul>") == ["- a\n- b\n  c"]


def test_navigation_is_known_by_its_names_too():
    page = "<div id=banner>x</div><ul class='docnav top'><li>Prev</ul><div class=TOC>y</div><p class=text>a <span class=sr-only>z</span></p>"
    assert texts(page) == ["a"]
    assert texts("<body class=toc><article id=nav>a</article>") == ["a"]


def test_only_the_main_part_counts_if_there_is_one_with_text():
    assert texts("<p>a</p><main><p>b</p><div role=navigation>c</div></main><p>d</p>") == ["b"]
    assert texts("<p>a</p><div role=main><header>b</header></div>") == ["b"]
    assert texts("<p>a</p><main></main>") == ["a"]


def test_the_title_is_that_of_the_page_unless_there_is_one_top_heading():
    assert read_text("<title> My\n page </title><h1>a</h1><h1>b</h1>").title == "My page"
    assert read_text("<title>My page</title><h1>a</h1>").title == "a"
    assert read_text("<p>x").title == ""


def test_the_encoding_may_be_named_in_the_page():
    page = '<meta http-equiv="content-type" content="text/html; charset=gb2312"><p>网关</p>'
    assert [block.text for block in read(page.encode("gb2312")).blocks] == ["网关"]
    assert [block.text for block in read("<p>Grüße</p>".encode("latin-1"), "latin-1").blocks] == ["Grüße"]


def test_text_alone_and_nothing():
    assert texts("just text") == ["just text"]
    assert texts("") == texts("<frameset><frame></frameset>") == []


def test_deep_nesting_is_read():
    assert texts("<div>" * 10_000 + "deep")[0] == "deep"
    assert texts("<ul><li>" * 3_000 + "deep") == ["  " * 2_999 + "- deep"]


PARTS = ["<p>", "</p>", "<ul>", "</ul>", "<li>", "<pre>", "</pre>", "<h2>", "</h2>", "<table>", "<tr>", "<td>", "</table>", "<br>", "<b>", "</b>", "<dl><dd>", "<article>", "</div>"]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(PARTS), st.from_regex(r"w[a-z]{1,5} ", fullmatch=True)), max_size=30))
def test_no_word_is_lost_or_comes_twice(parts):
    """Some are moved before a table by the parser, as in browsers."""
    words = [part.strip() for part in "".join(part for part in parts if part.startswith("w")).split()]
    found = " ".join(texts("".join(parts))).replace("|", " ").split()
    assert sorted(word for word in found if word.startswith("w")) == sorted(words)
