"""From a file to all that the gateway starts with."""

import contextlib
import os
import threading
from pathlib import Path

import pytest

from aigw.config.load import examine, load
from aigw.config.secret_values import secrets_in
from aigw.core.errors import ConfigError

NO_FILE = "is not a file; a pipe cannot be read again, so write what it gives into a file"
ALL = """\
listen: 127.0.0.1:0
plugins:
  ai-proxy: {providers: [{type: a, apiTokens: ["${KEY}"]}], activeId: a}
  ai-cache: {key: x, _rules_: [{_match_service_: [llm.dns], key: y}]}
routes:
  - {name: llm, match: {path: /v1/*}, upstream: llm.dns:443}
  - {name: app, match: {path: /app}, upstream: "http://h.io/", plugins: {ai-cache: false}}
services: {llm.dns: "http://127.0.0.1:9"}
state_dir: state
max_body: 1MiB
"""


def test_no_file_at_all():
    loaded = load(None, {})
    assert (loaded.config.listen, loaded.config.fidelity, loaded.config.max_body) == (
        "127.0.0.1:4700",
        "safe",
        104857600,
    )
    assert (loaded.plugins, loaded.notes, loaded.path, loaded.state_dir) == ({}, [], None, Path(".aigw"))


def test_a_whole_file(read_config, tmp_path):
    loaded, errors, notes = read_config(ALL, {"KEY": "sk-1"})
    assert (errors, notes) == ([], [])
    assert list(loaded.plugins) == ["ai-cache", "ai-proxy"]
    assert loaded.order("llm") == ["ai-cache", "ai-proxy"]
    assert loaded.order("app") == ["ai-proxy"]
    assert (loaded.service("llm"), loaded.service("app"), loaded.service("x")) == ("llm.dns:443", "h.io:80", "")
    assert loaded.state_dir == tmp_path / "state"
    assert loaded.config.max_body == 1 << 20
    assert loaded.services.locate("https", "llm.dns:443").port == 9
    (provider,) = loaded.plugins["ai-proxy"].rules.configs[-1].providers
    assert provider.api_tokens == ["sk-1"]


def test_nothing_that_is_loaded_shows_a_secret_in_its_repr(read_config):
    loaded, _, _ = read_config(ALL, {"KEY": "sk-1"})
    for each in (loaded, loaded.config, loaded.plugins, loaded.source, loaded.plugins["ai-proxy"].rules):
        assert "sk-1" not in repr(each)


def test_all_findings_come_at_once(tmp_path):
    path = tmp_path / "aigw.yaml"
    path.write_text("listn: 1\nmax_body: x\nplugins:\n  a: {}\n  ai-proxy: {provider: {typ: x}}\nroutes: [{nam: x}]\n")
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    lines = [finding.removeprefix(f"{tmp_path}/") for finding in caught.value.findings]
    assert [line.split(":")[1].split(" ")[0] for line in lines] == ["1", "2", "4", "5", "5", "6", "6"]


def test_a_wrong_route_does_not_hide_what_its_plugins_have_wrong(read_config):
    _, errors, _ = read_config("routes:\n  - {plugins: {ai-cache: {kee: 1}}}\n  - {name: b, plugins: {nope: {}}}\n")
    assert len([error for error in errors if error.startswith("aigw.yaml:2 routes[0]")]) == 3
    assert [error for error in errors if error.startswith("aigw.yaml:3 routes[1].plugins: unknown plugin")]


def test_the_environment_goes_before_the_dotenv_file(read_config):
    text = "state_dir: ${A}-${B}"
    loaded, errors, notes = read_config(text, {"A": "env"}, dotenv="A=file\nB=file\nnonsense secret\n")
    assert errors == []
    assert loaded.config.state_dir == "env-file"
    assert notes == ["aigw.yaml:1: line 3 of the .env file beside it is not KEY=VALUE and is ignored"]


def test_a_secret_in_a_file(read_config, tmp_path):
    (tmp_path / "key").write_text("sk-secret-in-a-file\n")
    text = "admin_key: ${KEY}\nstate_dir: ${OTHER:-x}\n"
    loaded, errors, notes = read_config(text, {"KEY_FILE": str(tmp_path / "key")}, dotenv="OTHER_FILE=nowhere\n")
    assert (loaded.config.admin_key, loaded.config.state_dir, errors, notes) == ("sk-secret-in-a-file", "x", [], [])
    assert "sk-secret-in-a-file" in secrets_in(loaded)
    _, errors, _ = read_config("admin_key: ${KEY}\n", {"KEY_FILE": "/nowhere/key"})
    said = "aigw.yaml:1 admin_key: /nowhere/key, which KEY_FILE names, cannot be read: No such file or directory"
    assert errors == [said]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no such file; `aigw init` writes one"),
        (lambda path: path.mkdir(), NO_FILE),
        (os.mkfifo, NO_FILE),
        (lambda path: path.symlink_to(os.devnull), NO_FILE),
    ],
)
def test_a_file_that_is_none(tmp_path, make, message):
    path = tmp_path / "aigw.yaml"
    make(path)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert caught.value.findings == [f"{path}: {message}"]


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to(os.devnull)])
def test_a_dotenv_file_that_is_none_counts_as_empty(tmp_path, make):
    (tmp_path / "aigw.yaml").write_text("{}")
    make(tmp_path / ".env")
    assert load(tmp_path / "aigw.yaml", {}).source.dotenv == frozenset()


@pytest.mark.parametrize("name", ["aigw.yaml", ".env"])
def test_a_pipe_that_takes_the_place_of_a_file_is_never_waited_for(tmp_path, name):
    path = tmp_path / name
    (tmp_path / "aigw.yaml").write_text("{}")
    done = threading.Event()

    def swap():
        while not done.is_set():
            os.mkfifo(tmp_path / "pipe")
            (tmp_path / "pipe").replace(path)
            (tmp_path / "file").write_text("")
            (tmp_path / "file").replace(path)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for _ in range(300):
            with contextlib.suppress(ConfigError):
                load(tmp_path / "aigw.yaml", {})
    finally:
        done.set()
        swapping.join()


def test_a_dotenv_file_that_is_no_text(tmp_path):
    (tmp_path / "aigw.yaml").write_text("")
    (tmp_path / ".env").write_bytes(b"A=\xff")
    with pytest.raises(ConfigError, match=r"the \.env file beside it is not UTF-8"):
        load(tmp_path / "aigw.yaml", {})


def test_text_instead_of_a_file():
    loaded = load(None, {"P": "0"}, text=b'{"listen": "127.0.0.1:${P}"}')
    assert loaded.config.listen == "127.0.0.1:0"


def test_nobody_is_believed_before_he_is_known():
    quota = "ai-quota: {admin_consumer: a, redis: {service_name: r}}"
    auth = "key-auth: {consumers: [{name: a, credential: secret-a}], keys: [authorization]}"
    plugins = f"plugins: {{{quota}, {auth}}}\n"
    assert load(None, {}, text=f"{plugins}order: [key-auth, ai-quota]".encode()).order("any")[0] == "key-auth"
    with pytest.raises(ConfigError, match=r"order\[0\]: stands before key-auth: everybody would be"):
        load(None, {}, text=f"{plugins}order: [ai-quota, key-auth]".encode())


def test_order_lists_every_configured_plugin(read_config):
    plugins = "plugins: {ai-proxy: {}, ai-cache: {key: x}}\n"
    loaded, errors, _ = read_config(f"{plugins}order: [ai-proxy, ai-cache]")
    assert errors == []
    assert list(loaded.plugins) == loaded.order("any") == ["ai-proxy", "ai-cache"]
    assert read_config(f"{plugins}order:\n  - ai-proxi\n  - ai-proxy\n  - ai-proxy\n")[1] == [
        "aigw.yaml:2 order: must list every configured plugin; 'ai-cache' is missing",
        "aigw.yaml:3 order[0]: 'ai-proxi' is not configured under plugins; did you mean 'ai-proxy'?",
        "aigw.yaml:5 order[2]: lists 'ai-proxy' twice",
    ]


def test_a_resource_of_kubernetes_is_told_where_its_configuration_belongs(read_config):
    text = "apiVersion: extensions.higress.io/v1alpha1\nkind: WasmPlugin\nspec: {defaultConfig: {}}\n"
    loaded, errors, _ = read_config(text)
    assert loaded is None
    assert len(errors) == 1
    assert "aigw.yaml:2 kind: this is a Kubernetes resource; `aigw higress import` makes a configuration" in errors[0]


def test_what_begins_with_x_means_nothing(read_config):
    loaded, errors, _ = read_config("x-higress: {any: [thing]}\nx-y: 1\nplugins: {}\n")
    assert errors == []
    assert loaded is not None
    _, errors, _ = read_config("y-higress: {}\n")
    assert len(errors) == 1


@pytest.mark.parametrize("url", ["reddis://127.0.0.1:6379", "http://127.0.0.1:6379"])
def test_what_a_plugin_uses_as_a_redis_is_one(url):
    text = f"services:\n  other.dns: {url}\n  Redis.static: {url}\nplugins:\n  ai-cache: {{redis: {{serviceName: redis.static}}}}"
    loaded, report = examine(None, {}, text=text.encode())
    assert loaded is None
    told = f"services['Redis.static']: a plugin uses it as a Redis, so it must be a redis:// URL, got '{url}'"
    assert report.format_all(report.errors) == [f"(no configuration file):3 {told}"]


@pytest.mark.parametrize("name", ["redis://:pass@10.0.0.5:6379", "10.0.0.5", "cache.internal:6379"])
def test_an_address_where_a_redis_is_named_is_noted(name):
    text = f"plugins: {{ai-cache: {{redis: {{serviceName: '{name}'}}}}}}"
    loaded, report = examine(None, {}, text=text.encode())
    assert loaded is not None
    (note,) = [each.message for each in report.notes if each.path == ("services",)]
    assert note.startswith("a plugin has '") and "write services: {redis.static: redis://...}" in note
    assert ":pass" not in note


def test_the_configuration_of_a_plugin_where_that_of_the_gateway_belongs():
    """As the console and the documentation of Higress have it."""
    loaded, report = examine(None, {}, text=b"# qwen\nprovider: {type: qwen}\nactiveProviderId: ''\n")
    assert loaded is None
    told = "these are keys of the plugin ai-proxy; put them under its name, and that under plugins:"
    assert [each.startswith(f"(no configuration file):2: {told}") for each in report.format_all(report.errors)] == [
        True
    ]


def test_a_reference_that_is_none_is_noted_where_a_secret_belongs():
    tokens = b"['${K', '${}', 'Bearer ${', '$${K', '${K}', 'a$b', '${1}']"
    text = b"plugins: {ai-proxy: {provider: {type: openai, apiTokens: " + tokens + b"}}}"
    _, report = examine(None, {"K": "sk-1"}, text=text)
    broken = [each.path[-1] for each in report.notes if "is no reference" in each.message]
    assert broken == [0, 1, 2]


def test_a_rule_for_a_route_that_is_not_there_is_noted():
    rules = "[{_match_route_: [chat, nosuch], prepend: []}, {_match_route_: [standins.dashvector], append: []}]"
    text = f"routes: [{{name: chat}}]\nplugins: {{ai-prompt-decorator: {{_rules_: {rules}}}}}"
    _, report = examine(None, {}, text=text.encode())
    assert [each.message for each in report.notes] == ["there is no route 'nosuch'; known: chat"]
