"""Routes of an Ingress: paths, hosts, conditions, destinations, and what becomes of each annotation."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.resources.annotations import STARTS, TABLE, bare, meaning
from aigw.resources.ingress import Share, is_canary, read_ingress
from aigw.resources.report import Findings
from aigw.resources.resource import Resource


def routes(paths=(("/", "Prefix"),), hosts=("",), **annotations):
    findings = Findings()
    listed = [{"path": path, "pathType": kind} for path, kind in paths]
    rules = [{**({"host": host} if host else {}), "http": {"paths": listed}} for host in hosts]
    notes = {f"higress.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    values = {"metadata": {"name": "i", "annotations": notes}, "spec": {"rules": rules}}
    return read_ingress(Resource("Ingress", "i", "higress-system", values), findings), findings


@pytest.mark.parametrize(
    ("path", "kind", "regex", "pattern", "level"),
    [
        ("/", "Prefix", "false", "/*", None),
        ("/v1", "Prefix", "false", "/v1/*", "approximate"),
        ("/v1/", "Prefix", "false", "/v1/*", "approximate"),
        ("/v1/chat/completions", "Prefix", "false", "/v1/chat/completions*", "approximate"),
        ("/ai/v1/messages/", "Prefix", "false", "/ai/v1/messages*", "approximate"),
        ("/v1", "Exact", "false", "/v1", None),
        ("/v1", "ImplementationSpecific", "false", "/v1/*", "approximate"),
        ("/v1.*", "ImplementationSpecific", "true", "/v1*", None),
        (r"/v1\.0/a\-b(.*)", "ImplementationSpecific", "true", "/v1.0/a-b*", None),
        ("/v1$", "Prefix", "true", "/v1", None),
        ("/v1/(chat|embeddings)", "Prefix", "true", "/v1/*", "none"),
        ("/v1/chats?/x", "Prefix", "true", "/v1/chat*", "none"),
        ("/a|/b", "Prefix", "true", "/*", "none"),
        ("[a-z]+", "Prefix", "true", "/*", "none"),
    ],
)
def test_paths(path, kind, regex, pattern, level):
    (route,), findings = routes([(path, kind)], use_regex=regex)
    assert route.path == pattern
    assert [entry.level for entry in findings if entry.field.startswith("path")] == ([level] if level else [])


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="*?#"), max_size=20))
def test_any_beginning_of_a_path_is_read_as_it_was_written(text):
    (route,), _ = routes([(f"{re.escape('/' + text)}.*", "ImplementationSpecific")], use_regex="true")
    assert route.path == f"/{text}*"


def test_hosts_of_one_path_are_one_route():
    (route,), _ = routes(hosts=("a.com", "*.b.com"))
    assert route.hosts == ["a.com", "*.b.com"]
    assert routes(hosts=("a.com", ""))[0][0].hosts == []


def test_conditions():
    (route,), findings = routes(match_method="get POST", **{"exact-match-header-X-Team": "red "})
    assert (route.methods, route.headers) == (["GET", "POST"], {"x-team": "red"})
    assert not findings.lost
    _, findings = routes(**{"regex-match-header-a": "[b]", "exact-match-query-q": "1", "whatever": ""})
    assert [entry.level for entry in findings] == ["none", "none", "unknown"]


@pytest.mark.parametrize(
    ("path", "pattern"), [("/v1(/|$)(.*)", "/v1*"), ("/v1/(.*)", "/v1/*"), ("/v1", "/v1*"), ("/v1$", "/v1")]
)
def test_where_a_path_is_rewritten_all_are_regular_expressions(path, pattern):
    """Also without use-regex, and whatever use-regex says."""
    for more in ({}, {"use_regex": "false"}):
        assert routes([(path, "Prefix")], rewrite_target="/$2", **more)[0][0].path == pattern


def test_an_ingress_that_shares_with_another_one_is_told_from_it():
    canary = {"metadata": {"annotations": {"nginx.ingress.kubernetes.io/canary": "true"}}}
    assert is_canary(Resource("Ingress", "i", "shop", canary))
    assert not is_canary(Resource("Ingress", "i", "shop", {}))


def test_what_no_path_takes_goes_to_the_default_backend():
    default, own = ({"service": {"name": name, "port": {"number": 80}}} for name in ("rest", "own"))
    for path, count in (("/app", 2), ("/", 1)):
        rules = [{"http": {"paths": [{"path": path, "pathType": "Prefix", "backend": own}]}}]
        values = {"spec": {"defaultBackend": default, "rules": rules}}
        found = read_ingress(Resource("Ingress", "i", "shop", values), Findings())
        assert len(found) == count
    rules[0]["host"] = "a.com"
    first, last = sorted(read_ingress(Resource("Ingress", "i", "shop", values), Findings()), key=lambda each: each.rank)
    assert (first.hosts, last.hosts, last.path) == (["a.com"], [], "/*")
    assert last.shares == [Share(100, "rest.shop.svc.cluster.local", 80)]


def test_a_port_that_only_the_cluster_knows_is_told():
    backend = {"service": {"name": "web", "port": {"name": "api"}}}
    findings = Findings()
    (route,) = read_ingress(Resource("Ingress", "i", "shop", {"spec": {"defaultBackend": backend}}), findings)
    assert route.shares == [Share(100, "web.shop.svc.cluster.local", 80)]
    assert [(entry.level, "api" in entry.message) for entry in findings] == [("approximate", True)]


@pytest.mark.parametrize(("name", "told"), [("", 0), ("higress", 0), ("nginx", 1)])
def test_a_class_that_higress_does_not_serve_is_told(name, told):
    for values in (
        {"spec": {"ingressClassName": name, "defaultBackend": {}}},
        {"metadata": {"annotations": {"kubernetes.io/ingress.class": name}}, "spec": {"defaultBackend": {}}},
    ):
        findings = Findings()
        (route,) = read_ingress(Resource("Ingress", "i", "shop", values), findings)
        assert route.kept == {}
        assert [entry.level for entry in findings] == ["approximate"] * told


def test_destinations():
    (route,), _ = routes(destination="80%\ta.dns:8080\r\n\n 20% b.static v1\n")
    assert route.shares == [Share(80, "a.dns", 8080), Share(20, "b.static", 0)]


def test_a_service_of_kubernetes_is_a_destination():
    backend = {"service": {"name": "web", "port": {"number": 8080}}}
    spec = {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}
    (route,) = read_ingress(Resource("Ingress", "i", "shop", {"spec": spec}), Findings())
    assert route.shares == [Share(100, "web.shop.svc.cluster.local", 8080)]
    (route,) = read_ingress(Resource("Ingress", "i", "shop", {"spec": {"defaultBackend": backend}}), Findings())
    assert (route.path, len(route.shares)) == ("/*", 1)


def test_routes_are_tried_as_higress_tries_them():
    found, _ = routes([("/", "Prefix"), ("/v1", "Prefix"), ("/v1/chat", "Prefix"), ("/v1", "Exact")])
    assert [route.path for route in sorted(found, key=lambda route: route.rank)] == ["/v1", "/v1/chat/*", "/v1/*", "/*"]
    with_header = routes(**{"exact-match-header-a": "b"})[0][0]
    with_host, with_wildcard, plain = (routes(hosts=(host,))[0][0] for host in ("a.com", "*.com", ""))
    assert with_header.rank < plain.rank
    assert with_host.rank < with_wildcard.rank < with_header.rank


def test_pages_that_may_call():
    assert routes(enable_cors="true")[0][0].origins == ["*"]
    assert routes(enable_cors="true", cors_allow_origin="https://a.com, https://b.com")[0][0].origins == [
        "https://a.com",
        "https://b.com",
    ]


def test_no_page_may_call_unless_that_is_switched_on():
    for enabled in ({}, {"enable_cors": "false"}):
        assert routes(cors_allow_origin="*", **enabled)[0][0].origins == []
    (route,), findings = routes(enable_cors="true", cors_allow_origin="https://*.example.com")
    assert route.origins == []
    assert [entry.level for entry in findings.lost] == ["none"]


@pytest.mark.parametrize("name", [*TABLE, *STARTS])
def test_each_known_annotation_says_what_becomes_of_it(name):
    found = meaning(name)
    assert found is not None
    assert found.message or found.level == "exact"


def test_prefixes_of_annotations():
    assert bare("nginx.ingress.kubernetes.io/timeout") == bare("higress.io/timeout") == "timeout"
    assert bare("example.com/timeout") == ""


@pytest.mark.parametrize(
    ("kind", "value", "conditions"),
    [
        ("exact", "qwen-max", ["qwen-max"]),
        ("prefix", "qwen-", ["qwen-*"]),
        ("regex", "gpt-.*|o1-.*|o3", ["gpt-*", "o1-*", "o3"]),
        ("regex", r"^gpt-4\.1(.*)$", ["gpt-4.1*"]),
    ],
)
def test_each_choice_of_a_header_becomes_a_route(kind, value, conditions):
    found, findings = routes(**{f"{kind}-match-header-x-higress-llm-model": value})
    assert [route.headers for route in found] == [{"x-higress-llm-model": each} for each in conditions]
    assert [route.kept for route in found] == [{}] * len(conditions)
    assert {entry.level for entry in findings} == {"exact"}


@pytest.mark.parametrize("value", ["gpt-[34]", "gpt.4", "(a|b)-.*", "|".join("abcdefghijklmnopqrstu"), r"a\*", ""])
def test_a_regular_expression_that_is_no_beginning_is_lost_and_kept(value):
    (route,), findings = routes(**{"regex-match-header-x-a": value})
    assert (route.headers, route.kept) == ({}, {"higress.io/regex-match-header-x-a": value})
    assert [entry.level for entry in findings] == ["none"]


def test_several_choices_become_a_bounded_number_of_routes():
    many = "|".join(f"m{number}" for number in range(6))
    found, findings = routes(**{"regex-match-header-a": many, "regex-match-header-b": many})
    assert len(found) == 6
    assert [entry.level for entry in findings] == ["exact", "none"]


def test_a_whole_value_that_ends_in_a_star_is_said_to_be_a_beginning():
    (route,), findings = routes(**{"exact-match-header-accept": "*/*"})
    assert route.headers == {"accept": "*/*"}
    assert [entry.level for entry in findings] == ["approximate"]
