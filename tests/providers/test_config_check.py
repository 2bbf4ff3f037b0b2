"""Mistakes of a provider: whichever two there are beside each other, both are named, each at its place."""

import json

import msgspec.inspect as mi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.config.load import examine
from aigw.providers.catalog import CATALOG
from aigw.providers.config import ProviderConfig


def said(provider, place="provider"):
    settings = (
        {"provider": provider} if place == "provider" else {"providers": [{"id": "ok", "type": "builtin"}, provider]}
    )
    if place != "provider" and isinstance(chosen := provider.get("id"), str):
        settings["activeProviderId"] = chosen  # nothing is required of a provider that nobody uses
    _, report = examine(None, {}, text=json.dumps({"plugins": {"ai-proxy": settings}}).encode())
    return [line.partition("plugins.ai-proxy.")[2] for line in report.format_all(report.errors)]


def wrong_kind(type_):
    """A value that is never right for the type, None if every value is."""
    if isinstance(type_, mi.Metadata):
        return wrong_kind(type_.type)
    if isinstance(type_, mi.UnionType):
        return wrong_kind(type_.types[0])
    return {mi.AnyType: None, mi.StrType: ["x"], mi.LiteralType: "nope", mi.BoolType: "maybe"}.get(type(type_), "x!")


FIELDS = {field.encode_name: field.type for field in mi.type_info(ProviderConfig).fields}
OF_THE_WRONG_KIND = [(key, {key: wrong}, key) for key, type_ in FIELDS.items() if (wrong := wrong_kind(type_))]
OF_NO_USE = [
    ("type", {"type": "opnai"}, "type"),
    ("type", {"type": "kling"}, "type"),
    ("type", {"type": None}, "type"),
    ("type", {"type": "${NOPE}"}, "type"),
    ("type", {}, "the required key 'type' is missing; write type: openai"),
    ("apiTokens", {"apiTokens": ["a\nb"]}, "apiTokens[0]"),
    ("apiTokens", {"apiTokens": ["a", "${NOPE}"]}, "apiTokens[1]"),
    ("protocol", {"protocol": "grpc"}, "protocol"),
    ("timeout", {"timeout": -1}, "timeout"),
    ("timeout", {"timeout": "${NOPE}"}, "timeout"),
    ("providerDomain", {"providerDomain": "a b"}, "providerDomain"),
    ("openaiCustomUrl", {"openaiCustomUrl": "ftp://host"}, "openaiCustomUrl"),
    ("context", {"context": {"fileUrl": "x", "serviceName": "s"}}, "context.fileUrl"),
    ("context", {"context": {"fileUrl": "http://a/b"}}, "context: the required key 'serviceName' is missing"),
    ("context", {"context": {"serviceName": "s"}}, "context: the required key 'fileUrl' is missing; write fileUrl"),
    ("customSettings", {"customSettings": [{"value": 1}]}, "customSettings[0]: the required key 'name' is missing"),
    ("customSettings", {"customSettings": [{"name": "a..b", "mode": "raw"}]}, "customSettings"),
    ("failover", {"failover": {"enabled": True}}, "failover"),
    ("failover", {"failover": {"failoverOnStatus": ["["]}}, "failover"),
    ("failover", {"failover": {"failureThreshold": -1}}, "failover.failureThreshold"),
    ("retryOnFailure", {"retryOnFailure": {"retryOnStatus": ["["]}}, "retryOnFailure"),
    ("modelMapping", {"modelMapping": {"~(": "x"}}, "modelMapping"),
    ("mock", {"mock": {"seed": "x"}}, "mock.seed"),
    ("unheardOf", {"unheardOf": 1}, "unknown key 'unheardOf'"),
    ("api_key", {"api_key": ["k"]}, "unknown key 'api_key'; write 'apiTokens'"),
    ("baseUrl", {"baseUrl": "http://h/v1"}, "unknown key 'baseUrl'; write 'openaiCustomUrl'"),
]
MISTAKES = OF_THE_WRONG_KIND + OF_NO_USE


def names(lines, place, what):
    return any(line.startswith(f"{place}.{what}") or line.startswith(f"{place}: {what}") for line in lines)


@given(st.sampled_from(MISTAKES), st.sampled_from(MISTAKES), st.sampled_from(["provider", "providers[1]"]))
def test_two_mistakes_are_both_named(one, other, place):
    if one[0] == other[0]:
        return
    provider = {"type": "openai", "apiTokens": ["sk"], "id": "a"}
    for key, changes, _ in (one, other):
        provider.pop(key, None)
        provider.update(changes)
    lines = said(provider, place)
    assert names(lines, place, one[2])
    assert names(lines, place, other[2])
    assert len(lines) == 2, lines


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: json.dumps(mistake[1]))
def test_each_is_named_once(mistake):
    provider = {"type": "openai", "apiTokens": ["sk"]}
    provider.pop(mistake[0], None)
    lines = said(provider | mistake[1])
    assert (len(lines), names(lines, "provider", mistake[2])) == (1, True), lines


HOSTS = [row for row in CATALOG.values() if row.host_field]


@pytest.mark.parametrize("row", HOSTS, ids=[row.type for row in HOSTS])
def test_a_host_is_checked_beside_what_its_type_lacks(row):
    lines = said({"type": row.type, row.host_field: "a b", "providerDomain": "c d"})
    assert names(lines, "provider", row.host_field)
    assert names(lines, "provider", "providerDomain")


@pytest.mark.parametrize(
    "keys",
    [{"qwenDomain": "a b"}, {"ollamaServerHost": "a b"}, {"azureServiceUrl": "ftp://x"}, {"vllmCustomUrl": "http://["}],
)
def test_the_address_of_some_type_is_checked_where_nobody_knows_the_type(keys):
    lines = said({"type": "nobody-knows", **keys})
    assert [line.partition(":")[0] for line in lines] == ["provider.type", *(f"provider.{key}" for key in keys)]


def test_all_wrong_entries_are_named():
    lines = said({
        "type": "deepseek", "modelMapping": {"~(": "x", "ok": "y", "~[": "x"},
        "failover": {"failoverOnStatus": ["[", "4.*", "("]},
    })  # fmt: skip
    assert [line.partition(" is not")[0] for line in lines] == [
        "provider.apiTokens: no apiToken found in provider config",
        "provider.modelMapping: '~('", "provider.modelMapping: '~['", "provider.failover: '['", "provider.failover: '('",
    ]  # fmt: skip


def test_a_missing_id_is_named_beside_a_wrong_key():
    lines = said({"type": "openai", "apiTokens": "x"}, "providers[1]")
    assert names(lines, "providers[1]", "id: missing id in provider config")
    assert names(lines, "providers[1]", "apiTokens: must be a list")


def test_an_address_that_another_type_reads_is_noted():
    text = {"type": "deepseek", "apiTokens": ["k"], "openaiCustomUrl": "http://10.0.0.7:8000/v1"}
    loaded, report = examine(None, {}, text=json.dumps({"plugins": {"ai-proxy": {"provider": text}}}).encode())
    assert loaded is not None
    (note,) = report.notes
    assert note.path == ("plugins", "ai-proxy", "provider", "openaiCustomUrl")
    assert note.message == "is read of openai only; write type: openai, or providerDomain: HOST"
