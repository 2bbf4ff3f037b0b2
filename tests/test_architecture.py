"""Who may import whom, read from the imports themselves; and what a command line may load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from aigw.config.plugins import installed_plugins

ROOT = Path(__file__).parents[1] / "aigw"
ROOMS = (
    "core", "higress", "dialects", "stores", "upstream", "clients", "providers", "pricing", "metering", "plugins", "trace", "books",
    "pipeline", "config", "server", "cli",
)  # fmt: skip
"""From the bottom up: a room may import those before it."""
HOMES = {
    "aiohttp": ("aigw.server", "aigw.standins", "aigw.upstream.proxied"),
    "httptools": ("aigw.upstream",),
    "diskcache": ("aigw.stores.disk",),
    "faiss": ("aigw.stores.faiss",),
    "numpy": ("aigw.stores.faiss", "aigw.rag"),
    "sentence_transformers": ("aigw.rag",),
    "redis": ("aigw.stores.redis",),
    "tiktoken": ("aigw.metering.tokenizer",),
    "genai_prices": ("aigw.pricing.pricebook",),
    "sqlite3": ("aigw.stores", "aigw.books"),
    "opentelemetry": ("aigw.books.telemetry",),
    "typer": ("aigw.cli",),
    "rich": ("aigw.cli",),
    "yaml": ("aigw.config", "aigw.cli"),
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def texts(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def level(module: str) -> int:
    """Of its room; the package itself is below all rooms, its entry above them."""
    room = module.partition(".")[2].partition(".")[0]
    if room in ("", "__main__"):
        return len(ROOMS) if room else -1
    return ROOMS.index(room)


MODULES = {module_name(path): imports(path) for path in sorted(ROOT.rglob("*.py"))}
TEXTS = {module_name(path): texts(path) for path in sorted(ROOT.rglob("*.py"))}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    own = {name for name in MODULES[module] if name in MODULES and name != module}
    above = {name for name in own if level(name) > level(module)}
    assert not above, f"{module} imports {above} from a room above its own"


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("aigw.plugins.")])
def test_plugins_know_neither_each_other_nor_a_store(module):
    plugin = ".".join(module.split(".")[:3])
    own = {name for name in MODULES[module] if name in MODULES}
    assert not {name for name in own if name.startswith("aigw.plugins.") and not (name + ".").startswith(plugin + ".")}
    assert not {name for name in own if name.startswith("aigw.stores")}


@pytest.mark.parametrize(
    "module", [name for name in MODULES if level(name) not in (level("aigw.plugins"), level("aigw.cli"))]
)
def test_no_plugin_is_known_by_its_name(module):
    """What others have to know of it, its ABOUT says. A command of a plugin knows it, and so does what writes a
    configuration for a start without one."""
    assert not {name for name in MODULES[module] if name.startswith("aigw.plugins.")}
    if module != "aigw.config.automatic":
        assert not TEXTS[module] & set(installed_plugins())


@pytest.mark.parametrize("module", MODULES)
def test_third_parties_stay_at_home(module):
    for name in {name.partition(".")[0] for name in MODULES[module]} & HOMES.keys():
        assert module.startswith(HOMES[name]), f"{module} imports {name}, whose home is {HOMES[name]}"


TRANSPORTS = {f"aigw.upstream.{name}" for name in ("http", "proxied", "switch", "builtin.upstream")}
TRANSPORTS |= {"aigw.upstream.builtin.BuiltinUpstream", "aigw.upstream.standin.StandinUpstream"}


@pytest.mark.parametrize("module", MODULES)
def test_transports_are_made_at_the_door_only(module):
    """Who starts a process has the network, and the gateway the switch; everybody else gets an upstream."""
    if not module.startswith(("aigw.upstream", "aigw.server.gateway", "aigw.cli")):
        assert not MODULES[module] & TRANSPORTS


def test_there_is_no_import_cycle():
    own = {module: {n for n in names if n in MODULES and n != module} for module, names in MODULES.items()}
    while leaves := [module for module, names in own.items() if not names]:
        for leaf in leaves:
            del own[leaf]
        for names in own.values():
            names -= set(leaves)
    assert not own


def loaded(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(' '.join(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(result.stdout.splitlines()[-1].split())


def test_help_loads_nothing_heavy():
    modules = loaded(
        "import contextlib, aigw.cli.main as m\nwith contextlib.suppress(SystemExit):\n    m.app(['--help'])"
    )
    heavy = {"aiohttp", "numpy", "faiss", "torch", "diskcache", "tiktoken", "yaml", "msgspec", "rich", "uvloop"}
    assert not modules & heavy


def test_serving_loads_no_heavy_part_before_it_is_used():
    modules = loaded("import aigw.server.gateway")
    assert not modules & {
        "numpy",
        "faiss",
        "torch",
        "tiktoken",
        "diskcache",
        "rich",
        "typer",
        "sentence_transformers",
        "pydantic",
        "opentelemetry",
        "genai_prices",
        "sqlite3",
    }
