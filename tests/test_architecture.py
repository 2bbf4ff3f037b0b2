"""Who may import whom, read from the imports themselves; and what a command line may load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "aigw"
LAYERS = {
    "aigw.core.errors": 0, "aigw.core.document": 0, "aigw.core.model": 0, "aigw.dialects": 0,
    "aigw.core.tokens": 0, "aigw.books.question": 0, "aigw.books.summary": 0,
    "aigw.core": 1, "aigw.core.stores": 1, "aigw.core.upstream": 1,
    "aigw.plugins": 2, "aigw.caching": 2, "aigw.providers": 2, "aigw.stores": 2, "aigw.upstream": 2, "aigw.rag": 2, "aigw.traffic": 2, "aigw.usage": 2, "aigw.limits": 2, "aigw.budget": 2,
    "aigw.config": 3, "aigw.pipeline.pipeline": 3,
    "aigw.server": 4, "aigw.standins": 4,
    "aigw.cli": 5, "aigw.__main__": 5, "aigw": 0,
}  # fmt: skip
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
    "sqlite3": ("aigw.stores",),
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


def layer(module: str) -> int:
    while module not in LAYERS:
        module = module.rpartition(".")[0]
    return LAYERS[module]


MODULES = {module_name(path): imports(path) for path in sorted(ROOT.rglob("*.py"))}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    own = {name for name in MODULES[module] if name in MODULES and name != module}
    above = {name for name in own if layer(name) > layer(module)}
    assert not above, f"{module} imports {above} from a higher layer"
    if module.startswith("aigw.plugins."):
        assert not {name for name in own if name.startswith("aigw.plugins.")}, "plugins never import each other"


@pytest.mark.parametrize("module", MODULES)
def test_third_parties_stay_at_home(module):
    for name in {name.partition(".")[0] for name in MODULES[module]} & HOMES.keys():
        assert module.startswith(HOMES[name]), f"{module} imports {name}, whose home is {HOMES[name]}"


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
