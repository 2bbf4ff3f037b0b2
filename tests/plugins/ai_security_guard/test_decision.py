"""aigw/plugins/ai_security_guard/decision.py: what becomes of a text, by the service's answer and the bars."""

import msgspec
import pytest

from aigw.clients.green_cip import Moderation
from aigw.plugins.ai_security_guard.config import Config, ConsumerBars
from aigw.plugins.ai_security_guard.decision import Decider, decide_original

MULTI = {"action": "MultiModalGuard"}
MASK = {"Type": "sensitiveData", "Level": "S3", "Suggestion": "mask", "Result": [{"Ext": {"Desensitization": "***"}}]}


def detail(kind, level, suggestion="watch"):
    return {"Type": kind, "Level": level, "Suggestion": suggestion}


def decided(data, config=(), *, follows=False, bars=None):
    decide = Decider(msgspec.convert(dict(config), Config), follows=follows)
    return decide(msgspec.convert({"Code": 200, "Data": data}, Moderation), bars)


@pytest.mark.parametrize(
    ("level", "bar", "kind"),
    [("high", "", "deny"), ("medium", "", "pass"), ("max", "", "deny"), ("low", "low", "deny"), ("none", "low", "pass"),
     ("S3", "high", "deny"), ("strange", "low", "pass"), (None, "low", "pass"), ("high", "max", "pass")],
)  # fmt: skip
def test_the_risk_of_a_text(level, bar, kind):
    assert decided({"RiskLevel": level}, {"riskLevelBar": bar}).kind == kind


@pytest.mark.parametrize(
    ("data", "config", "kind", "details"),
    [
        ({"RiskLevel": "high"}, {}, "pass", []),
        ({"RiskLevel": "max"}, {}, "deny", [("contentModeration", "max")]),
        ({"AttackLevel": "high"}, {"promptAttackLevelBar": "medium"}, "deny", [("promptAttack", "high")]),
        ({"Suggestion": "block", "Detail": [detail("customLabel", "high", "block")]}, {}, "pass", []),
        ({"Detail": [detail("maliciousUrl", "high")]}, {"maliciousUrlLevelBar": "high"}, "deny", [("maliciousUrl", "high")]),
        ({"Detail": [detail("unknown", "max")]}, {}, "pass", []),
        ({"Detail": [MASK]}, {"riskAction": "mask", "sensitiveDataLevelBar": "S3"}, "mask", []),
        ({"Detail": [MASK]}, {"riskAction": "mask"}, "pass", []),
        ({"Detail": [MASK]}, {"sensitiveDataLevelBar": "S3"}, "deny", [("sensitiveData", "S3")]),
        ({"Detail": [MASK]}, {"riskAction": "block", "sensitiveDataAction": "mask", "sensitiveDataLevelBar": "S3"}, "mask", []),
    ],
)  # fmt: skip
def test_as_higress_decides(data, config, kind, details):
    decision = decided(data, {**MULTI, **config})
    assert (decision.kind, list(decision.details)) == (kind, details)


@pytest.mark.parametrize(
    ("data", "config", "kind"),
    [
        ({"Detail": [detail("customLabel", "medium", "block")]}, {}, "deny"),
        ({"Detail": [detail("promptAttack", "high", "watch")]}, {}, "pass"),
        ({"AttackLevel": "high"}, {}, "pass"),
        ({"AttackLevel": "high"}, {"promptAttackLevelBar": "high"}, "deny"),
        ({"Detail": [MASK]}, {}, "mask"),
        ({"Detail": [MASK]}, {"riskAction": "block", "sensitiveDataLevelBar": "S2"}, "deny"),
        ({"Detail": [MASK], "RiskLevel": "high"}, {}, "deny"),
    ],
)
def test_without_a_bar_the_suggestion_is_followed(data, config, kind):
    assert decided(data, config, follows=True).kind == kind


def test_the_bars_of_a_consumer_go_first():
    kid = ConsumerBars(name="kid", risk_level_bar="low")
    assert decided({"RiskLevel": "low"}, {"riskLevelBar": "max"}).kind == "pass"
    assert decided({"RiskLevel": "low"}, {"riskLevelBar": "max"}, bars=kid).kind == "deny"


def test_what_was_found_is_told():
    decision = decided({"RiskLevel": "low", "Result": [{"Label": "ad", "RiskWords": "buy"}, {"Label": "nonLabel"}]})
    assert (decision.labels, decision.words) == (["ad"], "buy")


@pytest.mark.parametrize(
    ("data", "kind", "advice"),
    [
        (None, "pass", ""),
        ({"Result": [{"Label": "nonLabel"}]}, "pass", ""),
        ({"Result": [{"Label": "ad"}]}, "deny", ""),
        ({"Advice": [{"Answer": "No."}]}, "deny", "No."),
    ],
)
def test_the_form_of_june_2024(data, kind, advice):
    decision = decide_original(msgspec.convert({"Code": 200, "Data": data}, Moderation))
    assert (decision.kind, decision.advice) == (kind, advice)
