"""`aigw higress import` and `export`, and `aigw doctor --for higress`, in the process that a user starts."""

import json
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data" / "higress"
CONSOLE = (DATA / "console-fallback.yaml").read_text()
CLEAN = {"PATH": "/usr/bin:/bin", "OLLAMA_HOST": "127.0.0.1:9", "PYTHONPATH": str(ROOT)}
KEYS = {"DASHSCOPE_API_KEY": "sk-q", "DEEPSEEK_API_KEY": "sk-d"}


@pytest.fixture
def aigw(tmp_path, commands):
    """Runs aigw in a folder of its own with an environment of its own: (exit code, stdout, stderr)."""

    def run(*words, given="", **env):
        done = commands.run(*map(str, words), cwd=tmp_path, env=CLEAN | env, given=given)
        return done.returncode, done.stdout, done.stderr

    return run


def test_from_the_cluster_and_back(aigw, tmp_path):
    code, out, err = aigw("higress", "import", "-", "--out", "aigw.yaml", given=CONSOLE)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert "8 exact, 1 approximate" in lines
    assert lines[-1] == "Set these variables, for example in .env: DASHSCOPE_API_KEY, DEEPSEEK_API_KEY"
    assert all(len(line) <= 80 for line in lines)
    assert aigw("config", "check", **KEYS)[0] == 0
    code, out, err = aigw("higress", "export", "--out", "cluster")
    assert (code, err) == (0, "")
    assert "The Secret aigw must have: DASHSCOPE_API_KEY, DEEPSEEK_API_KEY" in out
    names = sorted(path.name for path in (tmp_path / "cluster").iterdir())
    assert names == [
        "configmap-aigw.yaml", "ingress-ai-route-chat.internal.yaml", "mcpbridge-default.yaml",
        "wasmplugin-ai-proxy.internal.yaml",
    ]  # fmt: skip
    code, out, err = aigw("higress", "import", "cluster")
    assert code == 0
    again, before = yaml.safe_load(out), yaml.safe_load((tmp_path / "aigw.yaml").read_text())
    (route,) = before["routes"]
    on_route = {"_match_route_": [route["name"]], **route.pop("plugins")["ai-proxy"]}
    before["plugins"]["ai-proxy"]["_rules_"].insert(0, on_route)
    assert again == before
    assert "exact" in err


def test_what_is_printed_can_be_piped(aigw, tmp_path):
    code, out, err = aigw("higress", "import", DATA / "old-names.yaml", DATA / "registries.yaml")
    assert code == 0
    assert yaml.safe_load(out)["fidelity"] == "higress"
    assert "lost" in err
    (tmp_path / "aigw.yaml").write_text("plugins: {ai-proxy: {provider: {type: openai}}}\n")
    code, out, err = aigw("higress", "export")
    assert (code, [each["kind"] for each in yaml.safe_load_all(out)]) == (
        0,
        ["McpBridge", "Ingress", "WasmPlugin", "ConfigMap"],
    )
    assert "approximate  plugin ai-proxy" in err


def test_json_and_markdown(aigw):
    code, out, err = aigw("higress", "import", DATA / "list.yaml", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["lost"] == len([each for each in found["report"] if each["level"] in ("none", "unknown")]) > 0
    assert "fidelity: higress" in found["configuration"]
    assert found["variables"] == []
    code, _, err = aigw("higress", "import", DATA / "list.yaml", "--markdown")
    assert code == 0
    assert "| none | EnvoyFilter fallback (" in err
    code, _, err = aigw("higress", "import", DATA / "list.yaml", "--markdown", "--json")
    assert (code, err) == (2, "aigw higress import: choose one of --markdown and --json\n")


def test_strict(aigw, tmp_path):
    assert aigw("higress", "import", DATA / "list.yaml", "--strict")[0] == 1
    assert aigw("higress", "import", DATA / "console-fallback.yaml", "--strict")[0] == 0
    (tmp_path / "aigw.yaml").write_text("plugins: {ai-proxy: {provider: {type: builtin}}}\n")
    assert aigw("higress", "export", "--strict")[0] == 1


def test_nothing_is_written_over(aigw, tmp_path):
    (tmp_path / "aigw.yaml").write_text("mine")
    words = ("higress", "import", DATA / "old-names.yaml", "--out", "aigw.yaml")
    code, _, err = aigw(*words)
    assert (code, err) == (2, "aigw higress import: aigw.yaml: is there already; --force writes over it\n")
    assert (tmp_path / "aigw.yaml").read_text() == "mine"
    assert aigw(*words, "--force")[0] == 0
    assert (tmp_path / "aigw.yaml").read_text() != "mine"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no.yaml"], "no.yaml: there is no such file"),
        (["empty"], "empty: there are no resources in it"),
        (["wrong.yaml"], "wrong.yaml:2: YAML:"),
        (["plugin.yaml"], "plugin.yaml:1: is not a Kubernetes resource: it has no kind"),
        (["list.yaml"], "list.yaml:2 items: must be a list of resources, as this is a List"),
        (["fifo"], "fifo: is not a file; a pipe can be read as -"),
    ],
)
def test_what_cannot_be_read(aigw, tmp_path, words, told):
    (tmp_path / "empty").mkdir()
    (tmp_path / "wrong.yaml").write_text("kind: A\n\tx: 1\n")
    (tmp_path / "plugin.yaml").write_text("provider: {type: qwen}\nactiveProviderId: ''\n")
    (tmp_path / "list.yaml").write_text("kind: List\nitems: foo\n")
    import os

    os.mkfifo(tmp_path / "fifo")
    code, out, err = aigw("higress", "import", *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"aigw higress import: {told}")
    assert ("it is the configuration of ai-proxy, which belongs into aigw.yaml" in err) == (words == ["plugin.yaml"])


def test_a_wrong_configuration_is_not_exported(aigw, tmp_path):
    (tmp_path / "aigw.yaml").write_text("pluginz: {}\n")
    code, _, err = aigw("higress", "export")
    assert (code, err) == (2, "aigw higress export: aigw.yaml:1: unknown key 'pluginz'; did you mean 'plugins'?\n")


def test_hostile_texts_are_told_plainly(aigw):
    text = 'kind: "A\\u001b[31m"\nmetadata: {name: "x\\u202ey|<b>"}\n'
    for option in ([], ["--markdown"], ["--json"]):
        _, out, err = aigw("higress", "import", "-", *option, given=text)
        assert "\x1b" not in out + err
        assert "\u202e" not in out + err
    assert "<b>" not in aigw("higress", "import", "-", "--markdown", given=text)[2]


def test_the_doctor_says_what_will_be_different(aigw, tmp_path):
    (tmp_path / "aigw.yaml").write_text(
        "guard: {strict: true}\nplugins: {model-router: {}, ai-proxy: {provider: {type: openai}}}\n"
    )
    code, out, _ = aigw("doctor", "--for", "higress")
    assert code == 1
    assert "problem  higress        guard : the screen of this machine" in out.replace("guard:", "guard :")
    assert "ai-proxy: a missing model: here" in out
    (tmp_path / "aigw.yaml").write_text("fidelity: higress\nplugins: {ai-proxy: {provider: {type: openai}}}\n")
    code, out, _ = aigw("doctor", "--for", "higress", "--json")
    assert (code, json.loads(out)["checks"][-1]["message"]) == (0, "nothing will be different")
    code, _, err = aigw("doctor", "--for", "nginx")
    assert (code, err) == (2, "aigw doctor: --for takes higress, got 'nginx'\n")


def test_a_doctor_without_a_file(aigw):
    code, out, _ = aigw("doctor", "--for", "higress")
    assert (code, "there is no aigw.yaml" in out) == (1, True)


def test_a_recipe_is_exported_and_compared(aigw):
    code, out, _ = aigw("higress", "export", "--recipe", "everything", "--json")
    keys = {"DASHSCOPE_API_KEY", "DASHVECTOR_API_KEY", "GREEN_CIP_AK", "GREEN_CIP_SK", "REDIS_PASSWORD"}
    assert (code, keys <= set(json.loads(out)["secrets"])) == (0, True)
    code, out, _ = aigw("doctor", "--for", "higress", "--recipe", "everything")
    assert (code, "recipe everything is right" in out, "DASHVECTOR_API_KEY" in out) == (1, True, True)
