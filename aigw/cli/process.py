"""The processes of `aigw serve`: one process that does everything, or a supervisor and its workers. The command
imports this when it runs."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

import aigw
from aigw.books.books import Books, usage_log
from aigw.books.request_log import Show
from aigw.cli.default_file import DEFAULT_FILE
from aigw.cli.page_views import page_views
from aigw.cli.sources.changed_config import without_redis
from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.configuration import loaded_from, loaded_or_discovered, origin
from aigw.cli.sources.recipe import tries
from aigw.cli.sources.recordings import RecordingChoice, closing, network, opened_recordings
from aigw.cli.sources.registration import REPLAYED, registered
from aigw.cli.sources.tally import Tally, together
from aigw.cli.terminal.output import FAILURE, drop, say_json, say_sentence, say_text
from aigw.cli.views.recordings import summary
from aigw.cli.views.served import line
from aigw.config.load import Loaded
from aigw.config.secret_values import secrets_in
from aigw.config.services import parse_listen
from aigw.core.env import new_id
from aigw.core.errors import ConfigError
from aigw.core.upstream import Upstream
from aigw.server.framing import Framing
from aigw.server.gateway import Running, SharedAddress, base_url, run
from aigw.server.listen import SPREADS
from aigw.server.protection import check_address, is_protected
from aigw.server.reload import Reloader
from aigw.server.run_name import VARIABLE, run_name
from aigw.server.start import Overrides, describe, discover, load_found, notes_on
from aigw.server.workers import Orders, Supervisor, Worker, reserve
from aigw.stores.state_folder import why_unwritable
from aigw.upstream.proxied import upstream_for

log = logging.getLogger("aigw")

SAME_SIGNAL_SECONDS = 0.3


class ServeOptions(NamedTuple):
    """The options of `aigw serve`. `given` has precedence over the configuration. `show` gets each request. `tally`
    counts the requests, and `say` gets its sums at the end."""

    choice: ConfigChoice
    given: Overrides
    env: Mapping[str, str]
    insecure: bool
    grace: float
    json_output: bool
    trace: bool
    inspect: bool
    show: Show | None
    tally: Tally | None
    say: Callable[[str], object]
    recordings: RecordingChoice
    framing: Framing | None


async def serve_alone(options: ServeOptions) -> int:
    """Serves in this process alone. Returns the exit code."""
    stop = asyncio.Event()
    _on_stop_signal(stop.set, lambda: None)
    upstream, env = network(options.recordings, options.choice, options.env)
    options = options._replace(env=env)
    reloader = _reloader(options)
    loaded = await loaded_or_discovered(options.choice, env, upstream, options.given)

    def ready(running: Running) -> None:
        named = origin(options.choice)
        stack.enter_context(registered(running.url, loaded, named, env, replays=_replays(options, loaded)))
        _announce(options, loaded, running.url)

    began = time.monotonic()
    with ExitStack() as stack:
        code = await _run(options, loaded, upstream, reloader, stop, ready)
    if options.tally is not None:
        options.say(line(options.tally, time.monotonic() - began))
    return code


async def serve_worker(options: ServeOptions) -> int:
    """Serves as one of several processes. The supervisor gives it the port and the configuration, and speaks to the
    user. Returns the exit code."""
    stop = asyncio.Event()
    _on_signal(signal.SIGTERM, stop.set)
    worker = await Worker.connect()
    if worker is None:
        return 0
    orders = worker.orders
    options = options._replace(choice=options.choice._replace(file=Path(orders.file) if orders.file else None))
    reloader = _reloader(options, tell=orders.first)
    if options.choice.is_given:
        loaded = loaded_from(options.choice, options.env, options.given)
    else:
        loaded = load_found(orders.found, options.env, options.given)
    orphaned = asyncio.create_task(worker.orphaned())
    orphaned.add_done_callback(lambda _: stop.set())
    ready = lambda _: worker.ready()  # noqa: E731
    code = await _run(options, loaded, upstream_for(options.env), reloader, stop, ready, orders=orders)
    orphaned.cancel()
    if options.tally is not None:
        worker.tell(options.tally)
    worker.close()
    return code


async def _run(
    options: ServeOptions,
    loaded: Loaded,
    upstream: Upstream,
    reloader: Reloader | None,
    stop: asyncio.Event,
    ready: Callable[[Running], None],
    *,
    orders: Orders | None = None,
) -> int:
    """Serves until `stop` is set. Returns the exit code, which says whether what should be recorded was. Raises
    ConfigError if the state folder has files of another program."""
    recordings = opened_recordings(options.recordings, loaded, options.choice.folder, time)
    kept, shared = loaded.state_dir, loaded.config.usage
    replays = recordings is not None and recordings.settings.mode == "replay"
    if replays:
        loaded, kept, shared = without_redis(loaded), loaded.state_dir / REPLAYED, ""  # what is replayed was not spent
    if recordings is not None and reloader is not None:
        reloader.before = lambda new: recordings.hide(secrets_in(new))
    books = Books(kept, shared=shared, show=options.show, trace=options.trace)
    async with (
        closing(recordings),
        run(
            loaded,
            upstream,
            grace=options.grace,
            insecure=options.insecure,
            shared=SharedAddress(orders.host, orders.port, orders.instance, orders.socket) if orders else None,
            reloader=reloader,
            books=books,
            around=recordings.around if recordings is not None else None,
            state=loaded.state_dir,
            empty_cache=recordings is not None,  # what is answered from before would not be in the recordings
            counts_anew=replays,  # as often as it is replayed, limits let the same calls pass
            framing=options.framing,
            options=_options_for(options.choice),
            inspect=options.inspect,
            views=page_views(recordings),
        ) as running,
    ):
        gc.collect()
        gc.freeze()  # everything loaded so far stays: the collector need not look at it again
        gc.set_threshold(
            10_000, 20, 20
        )  # a request makes many objects and no circles, so that looking often finds nothing
        ready(running)
        await stop.wait()
    if recordings is None:
        return 0
    log.info("%s", summary(recordings))
    return FAILURE if recordings.report.failure else 0


async def serve_together(options: ServeOptions, workers: int) -> int:
    """Checks the configuration, takes the port, and keeps the workers running. Returns the exit code."""
    loaded, found = await _loaded_for_workers(options)
    if loaded.config.record.mode != "off":
        raise ConfigError([f"{origin(options.choice)}: record needs a single process; leave out --workers"])
    usage_log(loaded.state_dir)  # raises here, once, and not in every worker
    host, port = parse_listen(loaded.config.listen)
    check_address(host, insecure=options.insecure, authenticated=is_protected(loaded))
    os.environ[VARIABLE] = run_name(os.environ)  # the workers inherit it
    with reserve(host, port) as reserved:
        address, port = reserved.getsockname()[:2]
        file = options.choice.file
        orders = Orders(host, port, instance=new_id(), file=os.fspath(file) if file is not None else "", found=found)
        orders.socket = None if SPREADS else reserved.fileno()
        supervisor = Supervisor(_worker_command(), workers, orders, grace=options.grace, words=loaded.files)

        def ready(pids: list[int]) -> None:
            url = base_url(address, port)
            stack.enter_context(registered(url, loaded, origin(options.choice), options.env, workers=workers))
            _announce(options, loaded, url, pids)

        _on_stop_signal(supervisor.stop, supervisor.kill)
        began = time.monotonic()
        with ExitStack() as stack:
            code = await supervisor.run(ready)
        if options.tally is not None:
            told = [msgspec.json.decode(each, type=Tally) for each in supervisor.told]
            options.say(line(together([Tally(), *told]), time.monotonic() - began, supervisor.crashed))
        return code


async def _loaded_for_workers(options: ServeOptions) -> tuple[Loaded, str]:
    """Loads the configuration. If it was made from the environment, also returns its text, so that all workers use the
    same one."""
    if options.choice.is_given:
        return loaded_from(options.choice, options.env, options.given), ""
    upstream = upstream_for(options.env)
    try:
        found = await discover(options.env, upstream, options.given.address)
    finally:
        await upstream.aclose()
    return load_found(found, options.env, options.given, notes_on(options.env, options.given.address)), found


def _worker_command() -> list[str]:
    """The command line of a worker: this one once more. -P: files of the current folder must not be imported as
    modules, unless aigw itself is there."""
    here = Path(aigw.__file__).parents[1] == Path.cwd()
    return [sys.executable, *([] if here else ["-P"]), "-m", "aigw", *sys.argv[1:], "--worker"]


def _reloader(options: ServeOptions, *, tell: bool = True) -> Reloader | None:
    """The reloader. It must be made before the file is read for the first time, so that it misses no change."""
    if options.choice.file is None:
        return None
    return Reloader(options.choice.file, partial(_reloaded, options), tell=tell)


def _reloaded(options: ServeOptions) -> Loaded:
    loaded = loaded_from(options.choice, options.env, options.given)
    return without_redis(loaded) if _replays(options, loaded) else loaded


def _options_for(choice: ConfigChoice) -> str:
    """Returns the options with which other commands find the same configuration."""
    if choice.recipe is not None:
        return f"--recipe {choice.recipe}"
    return f"--config {shlex.quote(choice.name)}" if choice.file not in (None, DEFAULT_FILE) else ""


def _replays(options: ServeOptions, loaded: Loaded) -> bool:
    return options.recordings.over(loaded.config.record).mode == "replay"


def _on_signal(number: signal.Signals, call: Callable[..., object], *args: object) -> None:
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":  # whose loops take no signals
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(call, *args))
    else:
        loop.add_signal_handler(number, call, *args)


def _on_stop_signal(stop: Callable[[], None], kill: Callable[[], None]) -> None:
    """The first SIGINT, SIGTERM or SIGHUP calls `stop`. (SIGHUP: the terminal is gone; nohup switches it off.
    Windows has SIGBREAK for that.) A second
    signal calls `kill` and ends the process at once. It counts only after a moment, because some programs pass a signal
    on to the processes that they started although the terminal has sent it to these, too."""
    loop = asyncio.get_running_loop()
    first: list[float] = []

    def handle(number: signal.Signals) -> None:
        if not first:
            first.append(loop.time())
            stop()
        elif loop.time() - first[0] > SAME_SIGNAL_SECONDS:
            kill()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    _on_signal(signal.SIGINT, handle, signal.SIGINT)
    _on_signal(signal.SIGTERM, handle, signal.SIGTERM)
    if sys.platform == "win32":
        _on_signal(signal.SIGBREAK, handle, signal.SIGBREAK)
    elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        _on_signal(signal.SIGHUP, handle, signal.SIGHUP)


def _announce(options: ServeOptions, loaded: Loaded, url: str, pids: Sequence[int] = ()) -> None:
    if why := why_unwritable(loaded.state_dir):
        log.warning(
            "the state folder %s cannot be used: %s; nothing is kept there, and plugins that count may refuse requests",
            loaded.state_dir,
            why,
        )
    if options.json_output:
        ready = {
            "url": url,
            "page": f"{url}/",
            "state": str(loaded.state_dir),
            "config": origin(options.choice),
            "plugins": list(loaded.plugins),
        }
        say_json(ready | ({"workers": list(pids)} if pids else {}))
        sys.stdout.flush()
        return
    for note in loaded.notes:
        say_sentence(f"note: {note}", err=True)
    commands = tries(options.choice.recipe, url) if options.choice.recipe is not None else []
    try:
        say_text(describe(loaded, url, origin(options.choice), workers=max(len(pids), 1), tries=commands))
    except BrokenPipeError:
        raise
    except OSError as error:  # the disk is full: it serves all the same
        drop(sys.stdout)
        log.warning("serves %s; stdout cannot be written: %s", url, error.strerror)
