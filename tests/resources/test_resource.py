"""Streams of resources: many documents, lists, lines, and what is hostile."""

import time

import pytest

from aigw.config.source import MAX_STREAM_BYTES
from aigw.core.errors import ConfigError
from aigw.resources.resource import read_resources


def names(text):
    return [resource.full_name for resource in read_resources(text.encode(), "r.yaml")]


def refused(text):
    with pytest.raises(ConfigError) as caught:
        read_resources(text if isinstance(text, bytes) else text.encode(), "r.yaml")
    return caught.value.findings


def test_documents_and_lists_within_lists():
    item = "{kind: A, metadata: {name: %s}}"
    inner = f"{{kind: AList, items: [{item % 'b'}, {item % 'c'}]}}"
    text = f"---\n{item % 'a'}\n---\n---\n# nothing\n---\nkind: List\nitems: [{inner}, {item % 'd'}]\n...\n"
    assert names(text) == ["a", "b", "c", "d"]


def test_a_name_has_its_namespace_unless_it_is_the_gateways():
    metadata = ["{name: a}", "{name: b, namespace: higress-system}", "{name: c, namespace: default}", "{name: 7}"]
    text = "\n---\n".join(f"kind: A\nmetadata: {each}" for each in metadata)
    assert names(text) == ["a", "b", "default/c", "7"]


def test_json_is_read_too():
    assert names('{"kind": "A", "metadata": {"name": "a"}}') == ["a"]


def test_a_place_is_a_line_of_the_whole_file():
    text = (
        "kind: A\nmetadata: {name: a}\n---\nkind: List\nitems:\n- kind: B\n  metadata: {name: b}\n  spec:\n    x: 1\n"
    )
    _, b = read_resources(text.encode(), "r.yaml")
    assert b.place("spec", "x") == "r.yaml:9"
    assert b.place("spec", "none", "there") == "r.yaml:8"
    assert b.place() == "r.yaml:6"


def test_what_a_cluster_adds_is_not_given_back():
    text = (
        "kind: A\nmetadata: {name: a, uid: u, resourceVersion: '1', annotations: {x: y,\n"
        " kubectl.kubernetes.io/last-applied-configuration: secret}}\nstatus: {s: 1}\nspec: {t: 2}\n"
    )
    (found,) = read_resources(text.encode(), "r.yaml")
    assert found.portable() == {"kind": "A", "spec": {"t": 2}, "metadata": {"name": "a", "annotations": {"x": "y"}}}


def test_labels_and_annotations_that_are_no_texts():
    text = "kind: A\nmetadata: {name: a, labels: {a: true, b: 1, c: null, d: [x]}}\n"
    (found,) = read_resources(text.encode(), "r.yaml")
    assert found.labels == {"a": "true", "b": "1"}


def test_references_mean_nothing():
    (found,) = read_resources(b"kind: A\nmetadata: {name: a}\nspec: '${NOBODY} $${X}'\n", "r.yaml")
    assert found.values["spec"] == "${NOBODY} $${X}"


def test_five_megabytes_are_read():
    one = "kind: A\nmetadata: {name: a%d}\nspec:\n" + "".join(f"  key{i}: {'x' * 200}\n" for i in range(100))
    text = "---\n".join(one % number for number in range(260)).encode()
    assert len(text) > 5 << 20
    start = time.perf_counter()
    assert len(read_resources(text, "r.yaml")) == 260
    assert time.perf_counter() - start < 20


def test_what_is_too_large_is_refused():
    assert refused(b"#" * (MAX_STREAM_BYTES + 1)) == ["r.yaml: is larger than 16 MiB; split it"]


def test_aliases_that_grow_are_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    text = "kind: A\nmetadata: {name: a}\nspec:\n" + "".join(f"  {line}\n" for line in lines)
    (line,) = refused(text)
    assert "aliases make this more than" in line
    assert line.startswith("r.yaml:")


def test_anchors_end_with_their_document():
    text = "kind: A\nmetadata: &m {name: a}\n---\nkind: B\nmetadata: *m\n"
    assert refused(text) == ["r.yaml:5: the alias *m has no anchor before it"]
    assert names(text.replace("\n---\n", "\n").replace("kind: B\nmetadata", "spec")) == ["a"]


@pytest.mark.parametrize("text", [b"kind: \xe9", b"kind: !!python/object:os.system x", b"[" * 5000, b"a: 1\na: 2"])
def test_what_is_no_yaml_is_refused(text):
    assert all(line.startswith("r.yaml") for line in refused(text))


def test_all_mistakes_are_told_at_once():
    assert len(refused("a: 1\n---\nkind: A\n---\nkind: B\nmetadata: {name: b}\n---\n7\n")) >= 1
    assert len(refused("a: 1\n---\nkind: A\n---\nkind: B\nmetadata: {name: b}\n")) == 2


def test_nothing_is_nothing():
    assert read_resources(b"", "r.yaml") == read_resources(b"---\n# x\n", "r.yaml") == []
