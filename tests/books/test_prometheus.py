"""The text form of the counters, read back by Prometheus's own parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from aigw.books.prometheus import PREFIX, render
from aigw.books.series import Labels

LABELS: Labels = ("test-route", "outbound|443||llm.internal.dns", "gpt-4o", "none")


def parsed(text: bytes) -> dict[tuple[str, Labels], float]:
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        assert family.type == "counter"
        for sample in family.samples:
            labels = sample.labels
            key = (labels["ai_route"], labels["ai_cluster"], labels["ai_model"], labels["ai_consumer"])
            name = sample.name.removeprefix(PREFIX).removesuffix("_total")  # the parser adds it, as OpenMetrics has it
            found[name, key] = sample.value
    return found


def test_the_text_form() -> None:
    text = render({("input_token", LABELS): 15, ("llm_duration_count", LABELS): 1})
    assert (
        b'route_upstream_model_consumer_metric_input_token{ai_route="test-route",'
        b'ai_cluster="outbound|443||llm.internal.dns",ai_model="gpt-4o",ai_consumer="none"} 15\n'
    ) in text
    assert b"# TYPE route_upstream_model_consumer_metric_llm_failure_count counter\n" in text
    assert text.endswith(b"\n")
    assert parsed(text) == {("input_token", LABELS): 15, ("llm_duration_count", LABELS): 1}


label = st.text(max_size=30)


@given(st.dictionaries(st.tuples(st.just("total_token"), st.tuples(label, label, label, label)), st.integers(0, 2**53)))
def test_any_label_is_read_back(counts: dict[tuple[str, Labels], int]) -> None:
    assert parsed(render(counts)) == counts


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "\\n", '\\"', "中文", "a{b}=,"])
def test_escaping(text: str) -> None:
    counts = {("input_token", ("r", "c", text, text)): 1}
    assert parsed(render(counts)) == counts


def test_a_counter_of_the_whole_gateway() -> None:
    assert render({("ai_sec_request_deny", ()): 1}).endswith(
        b"# HELP ai_sec_request_deny ai_sec_request_deny\n# TYPE ai_sec_request_deny counter\nai_sec_request_deny 1\n"
    )
