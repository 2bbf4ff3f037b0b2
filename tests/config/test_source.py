"""YAML to values and lines: what is refused, what is bounded, and that every value has its line."""

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aigw.config.load import load
from aigw.config.source import MAX_BYTES, read, read_stream
from aigw.core.errors import ConfigError


def values(text, env=None):
    source, report = read(text.encode(), env or {})
    assert report.errors == []
    return source.values


def errors(text, env=None):
    _, report = read(text if isinstance(text, bytes) else text.encode(), env or {})
    return report.format_all(report.errors)


def test_every_place_has_its_line():
    source, _ = read(b"a: 1\nb:\n  - x\n  - c: 2\n    d:\n      e: 3\n", {})
    assert source.lines == {
        (): 1, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4, ("b", 1, "d"): 5, ("b", 1, "d", "e"): 6,
    }  # fmt: skip


def test_scalars_mean_what_they_mean_to_higress():
    text = "date: 2023-06-01\ntime: 22:22\nyes: on\nint: 12\nfloat: 1.5\nnone:\nquoted: '12'\n1: one\ntrue: t\n"
    assert values(text) == {
        "date": "2023-06-01", "time": "22:22", "yes": True, "int": 12, "float": 1.5, "none": None, "quoted": "12",
        "1": "one", "true": "t",
    }  # fmt: skip


def test_aliases_and_merges():
    text = "base: &b {x: 1, y: {z: 2}}\nsame: *b\nmore:\n  <<: *b\n  x: 3\nlist:\n  <<: [{x: 4}, *b]\n"
    assert values(text) == {
        "base": {"x": 1, "y": {"z": 2}},
        "same": {"x": 1, "y": {"z": 2}},
        "more": {"x": 3, "y": {"z": 2}},
        "list": {"x": 4, "y": {"z": 2}},
    }
    source, _ = read(text.encode(), {})
    assert source.lines["same",] == 2
    assert source.lines["same", "y", "z"] == 1
    assert source.lines["more", "x"] == 5
    assert source.lines["more", "y"] == 1


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "null\n"])
def test_an_empty_file_has_no_values(text):
    assert values(text) == {}


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("a: 1\nb: {c: 1,\n  c: 2}", "aigw.yaml:3 b.c: is given twice; the first is in line 2"),
        ("a: 1\n\na: 1", "aigw.yaml:3 a: is given twice; the first is in line 1"),
        ("- 1", "aigw.yaml:1: must be a mapping of keys to values"),
        ("just text", "aigw.yaml:1: must be a mapping of keys to values"),
        ("a: 1\n---\nb: 2", "aigw.yaml:2: a second YAML document begins here; the configuration is one document"),
        ("a: 1\nb: &x [*x]", "aigw.yaml:2: the alias *x has no anchor before it"),
        ("a: *nowhere", "aigw.yaml:1: the alias *nowhere has no anchor before it"),
        ("a: 1\nb: !!python/object:os.system x", "aigw.yaml:2: the tag tag:yaml.org,2002:python/object:os.system is not supported"),
        ("a: !mine {b: 1}", "aigw.yaml:1: the tag !mine is not supported"),
        ("? [a]\n: b", "aigw.yaml:1: a key must be text"),
        ("a: !!int x", "aigw.yaml:1 a: is not a value of the kind int"),
        ("<<: 1", "aigw.yaml:1: << takes a mapping or a list of mappings"),
        ("a: b: c", "aigw.yaml:1: YAML: mapping values are not allowed in this context"),
        ("a: 1\nb:\n\t- x",
         "aigw.yaml:3: YAML: found character that cannot start any token; indent with spaces: YAML allows no tabs there"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_has_a_line(text, finding):
    assert errors(text) == [finding]


def test_a_reference_without_quotes_in_braces_gets_the_remedy():
    (finding,) = errors("a: 1\nb: {c: ${X}}\n")
    assert finding.startswith("aigw.yaml:2: YAML: ")
    assert finding.endswith("; inside { } and [ ] a ${NAME} must be quoted")


@pytest.mark.parametrize("text", [b"\xff\xfe\xff", b"a: \x00", b'a: "\\ud800"', b"a: \xc3("])
def test_bytes_that_are_no_text(text):
    (finding,) = errors(text)
    assert finding.startswith("aigw.yaml")


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "? "])
def test_deep_nesting_is_refused_and_not_followed(opening):
    (finding,) = errors(opening * 100_000)
    assert finding == "aigw.yaml:1: nested deeper than 64 levels"


@pytest.mark.parametrize(
    "step", ["b{0}: &a{0} [{1}]\n", "b{0}: &a{0} {{<<: [{1}]}}\n", "b{0}: &a{0} {{x: *a{2}, y: [{1}]}}\n"]
)
def test_alias_bombs_are_bounded(step):
    text = "a: &a0 {x: 1}\n" + "".join(step.format(i, ",".join([f"*a{i - 1}"] * 10), i - 1) for i in range(1, 12))
    (finding,) = errors(text)
    assert "aliases make this more than" in finding


def test_size_is_bounded():
    assert errors(b"# " + b"x" * MAX_BYTES) == [f"aigw.yaml: the file is larger than {MAX_BYTES} bytes"]


def test_a_number_of_a_thousand_digits_is_a_finding():
    assert errors("a: " + "9" * 5000) == ["aigw.yaml:1 a: is not a value of the kind int"]


def test_a_missing_name_is_named_with_its_line_and_the_others_still_stand():
    source, report = read(b'a: ${HERE}\nb:\n  - "x ${GONE} ${AWAY}"\n', {"HERE": "h"})
    assert report.format_all(report.errors) == [
        "aigw.yaml:3 b[0]: the environment has no GONE; set it, put it into .env, or write ${GONE:-default}",
        "aigw.yaml:3 b[0]: the environment has no AWAY; set it, put it into .env, or write ${AWAY:-default}",
    ]
    assert source.values["a"] == "h"
    assert source.expanded == {("a",): ("HERE",), ("b", 0): ()}
    assert source.missing == {("b", 0): ("GONE", "AWAY")}


def test_what_is_no_file_has_nothing_beside_it():
    _, report = read(b"a: ${GONE}", {}, "recipe", is_file=False)
    assert report.format_all(report.errors) == ["recipe:1 a: the environment has no GONE; set it"]


def test_keys_are_not_expanded_and_values_stay_text():
    assert values("${HERE}: '${HERE}'\nport: ${PORT}", {"HERE": "x", "PORT": "80"}) == {"${HERE}": "x", "port": "80"}


KEYS = st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="$"), min_size=1, max_size=6)
SCALARS = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text("abc: #'\"\n${}é", max_size=8)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)


def paths(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from paths(item, (*path, step))


@given(st.dictionaries(KEYS, TREES, max_size=4), st.booleans())
def test_reads_what_yaml_writes_and_places_all_of_it(tree, flow):
    text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True, sort_keys=False)
    source, report = read(text.encode(), {})
    assert not [error for error in report.errors if "the environment has no" not in error.message]
    assert source.values == tree
    assert set(source.lines) == set(paths(tree))
    assert all(1 <= line <= len(text.splitlines()) for line in source.lines.values())


@given(st.lists(st.tuples(KEYS, st.integers(0, 3)), max_size=8, unique_by=lambda pair: pair[0]))
def test_lines_are_the_lines_of_the_keys(pairs):
    text, expected, line = "", {}, 1
    for key, blank in pairs:
        text += "\n" * blank + yaml.safe_dump({key: 1}, allow_unicode=True)
        line += blank
        expected[key,] = line
        line += 1
    source, _ = read(text.encode(), {})
    assert {path: line for path, line in source.lines.items() if path} == expected


@given(st.binary(max_size=200))
def test_no_bytes_raise(data):
    read(data, {})


@given(st.text("a:-[]{}&*<!|>?#'\"\n \t%@`,1~$", max_size=60))
def test_no_text_raises(text):
    read(text.encode(), {})


BLANKS = ["\n", "\r\n", " ", "\t", "\ufeff", "\u00a0", "\u200b", "\u3000", "\u2028", "\x00"]
REMOVED = "has blanks or line breaks around it, which are no part of it and are removed"


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize(
    ("text", "at", "value"),
    [
        ("plugins: {ai-proxy: {provider: {apiTokens: ['${K}']}}}", ("provider", "apiTokens", 0), "sk"),
        ("plugins: {ai-proxy: {provider: {h: {authorization: 'Bearer ${K}'}}}}", ("provider", "h", "authorization"),
         "Bearer sk"),
        ("plugins: {ai-proxy: {redis: {password: '${K}'}}}", ("redis", "password"), "sk"),
        ("plugins: {ai-proxy: {consumers: [{credentials: ['${K}', b]}]}}", ("consumers", 0, "credentials", 0), "sk"),
        ("plugins: {ai-proxy: {other: '${MY_API_KEY}'}}", ("other",), "sk"),
        ("plugins: {ai-proxy: {url: '${URL}'}}", ("url",), "redis://:pw@host"),
    ],
)  # fmt: skip
def test_secrets_have_no_blanks_around_them(blank, text, at, value):
    key = f"{blank}sk{blank}"
    env = {"K": key, "MY_API_KEY": key, "URL": f"{blank}redis://:pw@host{blank}"}
    source, report = read(text.encode(), env)
    found = source.values["plugins"]["ai-proxy"]
    for step in at:
        found = found[step]
    assert (found, report.errors) == (value, [])
    (note,) = report.notes
    assert (note.path[2:], note.message.partition("has")[0].split()[:3]) == (at, ["the", "value", "of"])
    assert note.message.endswith(REMOVED)


def test_secrets_of_the_file_have_none_either():
    source, report = read(b"admin_key: |\n  abc\nlisten: ' x '\n", {})
    assert source.values == {"admin_key": "abc", "listen": " x "}
    assert [note.path for note in report.notes] == [("admin_key",)]


@pytest.mark.parametrize("blank", ["", *BLANKS])
def test_a_blank_secret_is_a_missing_one(blank):
    text = "a: {apiTokens: ['${K}', t, '${K:-d}']}\npassword: '${K}'"
    source, report = read(text.encode(), {"K": blank})
    assert source.values == {"a": {"apiTokens": ["t", "d"]}, "password": ""}
    assert ("a", "apiTokens", 0) in {note.path for note in report.notes if "counts as missing" in note.message}


@pytest.mark.parametrize("fidelity", ["higress", "${F:-higress}"])
def test_higress_takes_secrets_as_they_are(fidelity):
    source, report = read(f"fidelity: {fidelity}\npassword: '${{K}}'\ntokens: ['', a]".encode(), {"K": " a\n"})
    assert (source.values["password"], source.values["tokens"], report.notes) == (" a\n", ["", "a"], [])


HOSTILE = {
    "a list of merges": "a: &a {x: 1, y: 2, z: 3}\nb: {<<: [" + "*a, " * 100_000 + "]}\n",
    "large merges": "a: &a {" + ",".join(f"k{n}: 1" for n in range(5000)) + "}\nb: {<<: [" + "*a, " * 19 + "]}\n",
    "empty merges": "b: {<<: [" + "{}, " * 200_000 + "]}\n",
    "a chain of merges": "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, 20_000)),
    "merges that are no mappings": "b: {<<: [" + "1, " * 200_000 + "]}\n",
    "a bomb": "a0: &a0 [x,x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)),
    "a bomb of merges": "a0: &a0 {x: 1}\n"
    + "".join(f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 20)),
    "the same key": "a: 1\n" * 200_000,
    "unknown keys": "".join(f"k{n}: ${{V{n}}}\n" for n in range(40_000)),
    "dollars": "a: " + "$" * 900_000,
    "references that do not end": "a: '" + "${A:-" * 150_000 + "'",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_cheap(tmp_path, name):
    path = tmp_path / "aigw.yaml"
    path.write_text(HOSTILE[name])
    before = time.process_time()
    with pytest.raises(ConfigError):
        load(path, {})
    assert time.process_time() - before < 5.0


def test_a_stream_of_documents():
    sources, report = read_stream(b"a: 1\n---\n---\nb: {c: '${X}'}\n", "r.yaml")
    assert not report.errors
    assert [source.values for source in sources] == [{"a": 1}, {"b": {"c": "${X}"}}]
    assert sources[1].lines[("b", "c")] == 4


def test_a_stream_with_a_mistake_is_refused():
    for text in (b"a: 1\n---\n- 1\n", b"a: 1\na: 2\n", b"a: [\n", b"!!int x\n"):
        sources, report = read_stream(text, "r.yaml")
        assert not sources
        assert report.errors


def test_a_stream_is_bounded_as_a_whole():
    text = b"a: [1, 2]\n---\nb: [1, 2]\n"
    assert read_stream(text, "r.yaml", 10)[1].errors == []
    _, report = read_stream(text, "r.yaml", 9)
    assert "values" in report.errors[0].message
