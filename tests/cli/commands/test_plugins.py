"""`aigw plugins` and `aigw config keys`: what people can find out without a manual."""

import json

import pytest
from typer.testing import CliRunner

from aigw.cli.main import app
from aigw.config.plugins import find_plugin, installed_plugins
from aigw.config.reference import keys
from aigw.core.plugin import Difference
from aigw.higress.places import sort


def aigw(*words, columns=80):
    result = CliRunner(env={"COLUMNS": str(columns)}).invoke(app, list(words))
    return result.exit_code, result.stdout, result.stderr


def test_the_list_is_in_the_order_of_the_plugins():
    code, out, _ = aigw("plugins")
    heads = [line for line in out.splitlines()[3:-2] if not line.startswith(" ")]
    assert code == 0
    places = {name: found.place for name in installed_plugins() if (found := find_plugin(name)) is not None}
    assert [line.split()[0] for line in heads] == sort(places)
    assert ["key-auth", "AUTHN", "310", "recipe", "quota"] in [line.split() for line in heads]
    assert "    Lets in only clients that have a key." in out.splitlines()


@pytest.mark.parametrize("name", installed_plugins())
@pytest.mark.parametrize("columns", [80, 60])
def test_a_page_fits_the_terminal_and_has_every_key(name, columns):
    code, out, _ = aigw("plugins", name, columns=columns)
    page, _, recipe = out.partition("\nTry it: ")
    assert code == 0
    assert max(map(len, page.splitlines())) <= columns
    assert max(map(len, recipe.splitlines())) <= 80
    assert page.startswith(f"{name}: ")
    names = [line.split(":")[0].strip() for line in page.partition("\nKeys")[2].splitlines() if ":" in line]
    assert {key.path.rpartition(".")[2] for key in keys(find_plugin(name).config)} <= set(names)


def test_a_page_shows_nested_keys_differences_and_the_recipe():
    _, out, _ = aigw("plugins", "ai-cache")
    assert (
        "  cache: mapping\n"
        "      the store that keeps the answers\n"
        "    serviceName: text, required\n"
        "        the name of the service in `services:`\n"
        "    servicePort: integer 0 to 65535, default 0\n"
    ) in out
    assert (
        "  the key\n"
        "    safe     the whole request\n"
        "    higress  only the last question, not the model or other messages\n"
    ) in out  # fmt: skip
    assert "\nTry it: aigw serve --recipe ai-cache\n\n  plugins:\n    ai-cache:\n" in out
    assert "Rules: one of `_rules_` replaces the rest where it matches." in out
    assert "starts as a copy of the rest" in aigw("plugins", "key-auth")[1]


def test_for_programs():
    _, out, _ = aigw("plugins", "ai-budget", "--json")
    found = json.loads(out)
    assert (found["name"], found["place"], found["inherits"]) == ("ai-budget", {"phase": "", "priority": 740}, False)
    assert {"path": "budgets[].name", "required": True} in [
        {"path": key["path"], "required": key["required"]} for key in found["keys"]
    ]
    window = next(key for key in found["keys"] if key["path"] == "repetition.window")
    assert window["default"] == "10m"
    _, out, _ = aigw("plugins", "--json")
    assert sorted(each["name"] for each in json.loads(out)) == installed_plugins()


def test_markdown_has_a_table_of_keys_and_one_of_differences():
    _, out, _ = aigw("plugins", "key-auth", "--markdown")
    lines = out.splitlines()
    assert lines[0] == "## key-auth"
    assert "| `consumers[].name` | text |  | his name, in logs, limits and statistics |" in lines
    assert '| `realm` | text | `"MSE Gateway"` | the realm in the header WWW-Authenticate of a refusal |' in lines
    assert (
        "| the client's key | is removed; `Bearer X` is the key X | is sent on; the whole value is compared |" in lines
    )
    assert lines[-3:] == ["      mock: {tokens: 37}", "```", ""]
    assert aigw("plugins", "--markdown")[1].count("\n## ") == len(installed_plugins()) - 1


def test_a_pipe_in_a_cell_does_not_end_it():
    from aigw.cli.sources.plugins import one_plugin
    from aigw.cli.views.plugins import markdown

    plugin = one_plugin("ai-cache")._replace(differences=[Difference("a|b", "c", "d")])
    assert r"| a\|b | c | d |" in list(markdown(plugin))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ai-cash"], "there is no plugin 'ai-cash'; did you mean 'ai-cache'?"),
        (["ratelimit"], "there is no plugin 'ratelimit'; did you mean 'ai-token-ratelimit'?"),
        (["bot-detect"], "this version of aigw does not have the plugin 'bot-detect'"),
        (["zzz"], "there is no plugin 'zzz'; there are ai-budget, ai-cache,"),
        (["ai-cache", "--json", "--markdown"], "choose one of --json and --markdown"),
    ],
)
def test_what_is_none(words, said):
    code, out, errors = aigw("plugins", *words)
    assert (code, out) == (2, "")
    assert errors.startswith(f"aigw plugins: {said}")


def test_a_plugin_without_differences_has_no_heading_for_them():
    assert find_plugin("ai-budget").differences == ()
    assert "differs from" not in aigw("plugins", "ai-budget")[1]


def test_the_keys_of_the_file():
    code, out, _ = aigw("config", "keys")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert '  listen: text, default "127.0.0.1:4700"\n' in out
    assert "    name: text, required\n        Unique; the name that `_match_route_` refers to.\n" in out
    _, out, _ = aigw("config", "keys", "--json")
    assert "prices.*.input" in [key["path"] for key in json.loads(out)]
