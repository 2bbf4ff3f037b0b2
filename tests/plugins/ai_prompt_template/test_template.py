"""Templates: whatever is filled in, the result is JSON of the template's shape, and no value is filled again."""

import json
import re

import pytest
from any_json import anything
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.json_values import encoded
from aigw.higress.template import Property
from aigw.plugins.ai_prompt_template.template import Template

NAMES = st.sampled_from(["a", "b", "c d", "é", "x.y", "$1"])
TEXTS = st.lists(
    NAMES.map(lambda name: f"{{{{{name}}}}}") | st.text(alphabet='a"\\\n{} é$', max_size=4), max_size=4
).map("".join)
VALUES = anything | TEXTS
SHAPES = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FIELDS = st.dictionaries(st.sampled_from(["model", "messages", "prompt", "tools", "temperature"]), SHAPES, max_size=4)


def given_as(value):
    raw = json.dumps(value).encode()
    return Property(raw, value if isinstance(value, str) else raw.decode())


def filled(fields, **values):
    template = Template(fields)
    return json.loads(encoded(template.fill({name: given_as(value) for name, value in values.items()})))


def expected(value, texts):
    """The same, by replacing every placeholder at once in each text."""
    if isinstance(value, str):
        return re.sub(r"\{\{([^{}\n]*[^{}\s][^{}\n]*)\}\}", lambda match: texts[match[1].strip()], value)
    if isinstance(value, list):
        return [expected(each, texts) for each in value]
    if isinstance(value, dict):
        return {expected(key, texts): expected(each, texts) for key, each in value.items()}
    return value


@given(SHAPES, st.fixed_dictionaries(dict.fromkeys(["a", "b", "c d", "é", "x.y", "$1"], VALUES)))
def test_a_prompt_keeps_its_shape_whatever_the_values_are(messages, values):
    template = Template({"messages": messages})
    properties = {name: given_as(value) for name, value in values.items()}
    texts = {
        **{name: each.text for name, each in properties.items()},
        **dict.fromkeys(template.missing(properties), "?"),
    }
    properties |= {name: Property(b'"?"', "?") for name in template.missing(properties)}
    assert json.loads(encoded(template.fill(properties))) == {"messages": expected(messages, texts)}


@given(FIELDS, st.fixed_dictionaries(dict.fromkeys(["a", "b", "c d", "é", "x.y", "$1"], VALUES)))
def test_the_result_is_always_json_with_the_fields_of_the_template(fields, values):
    template = Template(fields)
    properties = {name: given_as(values.get(name, "?")) for name in [*values, *template.properties]}
    assert json.loads(encoded(template.fill(properties))).keys() == fields.keys()


def test_a_value_with_a_placeholder_is_not_filled_again():
    assert filled({"prompt": "{{a}} {{b}}"}, a="{{b}}", b="{{a}}") == {"prompt": "{{b}} {{a}}"}


@pytest.mark.parametrize("value", [3, 0.5, True, None, {"type": "json_object"}, ["x"], "text", 'a"b'])
def test_outside_the_prompt_a_lone_placeholder_is_the_value_itself(value):
    assert filled({"seed": "{{x}}", "options": {"deep": ["{{x}}"]}}, x=value) == {
        "seed": value,
        "options": {"deep": [value]},
    }


def test_in_the_prompt_and_in_the_model_a_value_is_text():
    fields = {
        "model": "{{x}}",
        "messages": [{"content": "{{x}}"}],
        "system": "{{x}}",
        "system_instruction": {"parts": ["{{x}}"]},
    }
    texts = {"model": "3", "messages": [{"content": "3"}], "system": "3", "system_instruction": {"parts": ["3"]}}
    assert filled(fields, x=3) == texts


def test_numbers_keep_their_digits():
    template = Template({"temperature": "{{heat}}"})
    assert encoded(template.fill({"heat": Property(b"1.10", "1.1")})) == b'{"temperature":1.10}'


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{{a}} {{ a }} {{b}}", ["a", "b"]), ("{{{a}}}", ["a"]), ("{{}} {{ }} {a} {{a} }", []), ("{{a\nb}}", []),
        ("{{first name}}", ["first name"]),
    ],
)  # fmt: skip
def test_what_is_a_placeholder(text, names):
    assert Template({"prompt": text}).properties == names


def test_keys_may_have_placeholders():
    assert filled({"metadata": {"{{k}}": 1}}, k='a"b') == {"metadata": {'a"b': 1}}


def test_what_is_missing_is_told_in_the_order_of_the_template():
    template = Template({"prompt": "{{b}} {{a}} {{c}}"})
    assert (template.properties, template.missing({"a": 1})) == (["b", "a", "c"], ["b", "c"])
