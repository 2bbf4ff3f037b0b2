"""The configuration: Higress's, ours, and what is told about mistakes."""

import pytest
from msgspec import convert
from world import configured

from aigw.config.services import ServiceTable
from aigw.core.errors import ConfigError
from aigw.plugins.ai_transformer.config import Config, Part, Provider, check
from aigw.plugins.ai_transformer.plugin import ABOUT


@pytest.mark.parametrize(
    ("part", "prompted", "ruled"),
    [
        (Part(enable=True, prompt="p"), True, False),
        (Part(enable=False, prompt="p", rules=["xmlToJson"]), False, False),
        (Part(prompt="p"), False, False),
        (Part(enable=True), False, False),
        (Part(rules=["xmlToJson"]), False, True),
        (Part(enable=True, prompt="p", rules=["xmlToJson"]), True, True),
    ],
)
def test_what_is_done(part, prompted, ruled):
    assert (part.prompted, part.ruled) == (prompted, ruled)


@pytest.mark.parametrize(
    ("provider", "own"),
    [
        (Provider(), False),
        (Provider(service_name="qwen", model="qwen-plus"), False),
        (Provider(route="llm"), True),
        (Provider(model="gpt-4"), True),
    ],
)
def test_who_is_asked(provider, own):
    assert provider.own is own


def test_no_key_is_shown():
    assert "sk-1" not in repr(Provider(api_key="sk-1"))


def test_what_decides_about_answers():
    """Not the key: an answer in a cache is as good with another one."""
    one, other = ({"serviceName": "qwen", "apiKey": key} for key in ("sk-1", "sk-2"))
    known = [ABOUT.identity(convert({"provider": each}, Config), ServiceTable({})) for each in (one, other)]
    assert known[0] == known[1]
    assert known[0]["provider"]["serviceName"] == "qwen"


@pytest.mark.parametrize(
    ("config", "path", "why"),
    [
        (Config(request=Part(prompt="p")), ("request", "prompt"), "enable: true"),
        (Config(response=Part(enable=True)), ("response", "enable"), "has no effect, as in Higress"),
        (Config(provider=Provider(service_name="a", route="b")), ("provider", "serviceName"), "beside route"),
        (Config(cache=True), ("cache",), "no model is asked"),
    ],
)
def test_what_is_noted(config, path, why):
    (problem,) = check(config)
    assert (problem.path, problem.note) == (path, True)
    assert why in problem.message


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"response": {"rules": ["xmltoJson"]}}, "response.rules[0]: must be one of"),
        ({"response": {"rules": [{"setHeaders": {}}]}}, "unknown key 'setHeaders'; did you mean 'setHeader'?"),
        ({"response": {"rules": ["xmlToJson", {"set": {"": 1}}]}}, "response.rules[1].set: '' is no path"),
        ({"maxBody": 0}, "maxBody"),
        ({"provider": {"route": "lm"}}, "provider.route: there is no route 'lm'; did you mean 'llm'?"),
    ],
)
def test_mistakes_name_their_place(config, why):
    with pytest.raises(ConfigError) as caught:
        configured({"ai-transformer": config}, routes=[{"name": "llm"}])
    assert why in "\n".join(caught.value.findings)
