"""A provider that aigw refuses is left out, the others serve."""

from aigw.config.load import load
from aigw.resources.importing.configuration import imported
from aigw.resources.resource import read_resources
from aigw.resources.text import yaml_of

ODD = {"id": "odd", "type": "someday", "apiTokens": ["sk-odd-1234567890"]}
GOOD = {"id": "good", "type": "openai", "apiTokens": ["sk-good-1234567890"]}


def result_of(default, *rules, ingress=""):
    spec = {"priority": 100, "failStrategy": "FAIL_OPEN", "matchRules": list(rules)}
    spec |= {"defaultConfig": default} if default is not None else {"defaultConfigDisable": True}
    plugin = {"kind": "WasmPlugin", "metadata": {"name": "ai-proxy"}, "spec": spec}
    result = imported(read_resources(f"{yaml_of(plugin)}---\n{ingress}".encode(), "r.yaml"))
    load(None, dict(result.variables), text=result.text().encode())
    return result


def kept(result):
    return [each["at"][2:] for each in result.values["x-higress"]["unknown"]]


def choosing(id_):
    return {"service": [f"llm-{id_}.dns"], "config": {"activeProviderId": id_}}


def test_in_a_list_with_the_rules_that_choose_it():
    result = result_of({"providers": [ODD, GOOD]}, choosing("odd"), choosing("good"))
    own = result.values["plugins"]["ai-proxy"]
    assert [each["id"] for each in own["providers"]] == ["good"]
    assert [each["activeProviderId"] for each in own["_rules_"]] == ["good"]
    assert kept(result) == [["providers", 0], ["_rules_", 0]]
    assert list(result.variables) == ["OPENAI_API_KEY"]  # nobody has to set the other one
    told = [entry.message for entry in result.findings.of("none")]
    assert told[0].startswith("unknown provider type: someday")
    assert told[0].endswith("; this provider is left out")
    assert told[1] == "the provider odd is left out: requests for it go to the destination as they came"


def test_the_active_one():
    result = result_of({"providers": [GOOD, ODD], "activeProviderId": "odd"})
    assert "activeProviderId" not in result.values["plugins"]["ai-proxy"]
    assert kept(result) == [["providers", 1], ["activeProviderId"]]


def test_that_of_a_rule():
    rules = [{"ingress": [name], "config": {"provider": each}} for name, each in (("a", ODD), ("b", GOOD), ("c", ODD))]
    result = result_of(None, *rules)
    assert [rule["_match_route_"] for rule in result.values["plugins"]["ai-proxy"]["_rules_"]] == [["b"]]
    assert kept(result) == [["_rules_", 2], ["_rules_", 0]]


def test_a_list_of_a_rule():
    result = result_of(None, {"ingress": ["a"], "config": {"providers": [ODD, GOOD], "activeProviderId": "odd"}})
    assert result.values["plugins"]["ai-proxy"]["_rules_"] == []
    assert kept(result) == [["_rules_", 0]]


def test_the_only_one_goes_with_its_plugin():
    result = result_of({"provider": ODD})
    assert result.values["plugins"] == {}
    assert [each["kind"] for each in result.values["x-higress"]["resources"]] == ["WasmPlugin"]


def test_what_only_exactness_forbids_names_the_way_out():
    aws = {"id": "aws", "type": "bedrock", "apiTokens": ["k-1234567890"], "awsRegion": "us-east-1"}
    result = result_of({"providers": [aws]}, choosing("aws"))
    assert result.findings.of("none")[0].nearest == "aigw higress import --safe"


def shared(destination):
    return f"""
kind: Ingress
metadata: {{name: chat, annotations: {{higress.io/destination: "{destination}"}}}}
spec: {{rules: [{{http: {{paths: [{{path: /, pathType: Prefix}}]}}}}]}}
"""


def test_others_get_its_share_of_a_route():
    third = {**GOOD, "id": "third"}
    rules = [choosing("odd"), choosing("good"), choosing("third")]
    result = result_of(
        {"providers": [ODD, GOOD, third]},
        *rules,
        ingress=shared("60% llm-odd.dns\\n30% llm-good.dns\\n10% llm-third.dns"),
    )
    assert result.values["routes"][0]["plugins"]["ai-proxy"] == {
        "activeProviderId": "good", "weights": {"good": 30, "third": 10},
    }  # fmt: skip
    result = result_of({"providers": [ODD, GOOD]}, *rules[:2], ingress=shared("60% llm-odd.dns\\n40% llm-good.dns"))
    assert result.values["routes"][0]["plugins"]["ai-proxy"] == {"activeProviderId": "good"}
    assert "the provider odd is left out; good gets its requests" in {each.message for each in result.findings}
