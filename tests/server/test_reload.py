"""Hot reload: a real gateway on a real port, whose configuration changes while it serves."""

import asyncio
import logging
import os
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import msgspec
import pytest
from fakes import FakeUpstream, about

from aigw.config.load import load
from aigw.core.model import Chunk
from aigw.server.gateway import run
from aigw.server.reload import POLL_SECONDS, STILL_SECONDS, Reloader

PATIENCE = 10.0


class Config(msgspec.Struct):
    text: str = ""
    fails: bool = False
    protects: bool = True
    collections: list[str] = []


class Held:
    """A stream that says its text, waits for `release`, and says it again."""

    def __init__(self, text, release):
        self._pieces = [text, None, text]
        self._release = release

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self._pieces:
            raise StopAsyncIteration
        piece = self._pieces.pop(0)
        if piece is None:
            await self._release.wait()
            piece = self._pieces.pop(0)
        return (Chunk(piece.encode()),)

    async def aclose(self):
        self._pieces.clear()


class Stage:
    """One gateway. `log` holds what its plugins did; the path /held answers with a stream that `release` ends."""

    def __init__(self, folder):
        self.file = folder / "aigw.yaml"
        self.log = []
        self.release = asyncio.Event()
        self.sleep = lambda _: asyncio.sleep(0)
        key_auth = about(self._build, Config, like="key-auth", protects=lambda config: config.protects)
        searching = about(self._build, Config, searches=lambda config, services: config.collections)
        self._find = {"ai-cache": searching, "key-auth": key_auth}.get
        self.loads = 0

    def load(self):
        try:
            return load(self.file, {}, self._find)
        finally:
            self.loads += 1

    @asynccontextmanager
    async def _build(self, config, env):
        if config.fails:
            raise RuntimeError("this plugin cannot start")
        self.log.append(f"built {config.text}")
        self.kept = env.lasting.setdefault("texts", [])
        self.kept.append(config.text)

        async def plugin(exchange, call_next):
            if exchange.request.path == "/held":
                return exchange.reply(Held(config.text, self.release), streaming=True)
            return exchange.reply(config.text.encode())

        yield plugin
        self.log.append(f"closed {config.text}")

    def write(self, text, *, listen="127.0.0.1:0", more=""):
        content = f"listen: {listen}\nplugins: {{ai-cache: {{text: {text}}}}}\n{more}"
        fresh = self.file.with_name("fresh")
        fresh.write_text(content)
        fresh.replace(self.file)

    @asynccontextmanager
    async def serving(self, **options):
        reloader = Reloader(self.file, self.load, sleep=self.sleep)
        async with run(self.load(), FakeUpstream(), grace=0.1, reloader=reloader, **options) as running:
            self.port = urlsplit(running.url).port
            yield

    @asynccontextmanager
    async def request(self, path="/"):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode())
            yield reader
        finally:
            writer.close()
            await writer.wait_closed()

    async def get(self):
        async with asyncio.timeout(PATIENCE), self.request() as reader:
            return (await reader.read()).rpartition(b"\r\n\r\n")[2].decode()

    async def answers(self, text):
        """Waits until new requests are answered with `text`."""
        async with asyncio.timeout(PATIENCE):
            while await self.get() != text:
                pass


@pytest.fixture
def stage(tmp_path, caplog):
    caplog.set_level(logging.INFO, "aigw")
    stage = Stage(tmp_path)
    stage.write("old")
    return stage


async def logged(caplog, text):
    """Waits for a line of the log."""
    async with asyncio.timeout(PATIENCE):
        while text not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_a_stream_ends_with_the_old_plugins_while_new_requests_get_the_new_ones(stage):
    async with stage.serving():
        async with asyncio.timeout(PATIENCE), stage.request("/held") as reader:
            await reader.readuntil(b"old")
            stage.write("new")
            await stage.answers("new")
            assert stage.log == ["built old", "built new"]
            stage.release.set()
            assert b"old" in await reader.read()
        await until(lambda: stage.log[2:] == ["closed old"])
        assert await stage.get() == "new"
    assert stage.log[3:] == ["closed new"]


async def test_an_idle_gateway_closes_the_old_plugins_at_once(stage):
    async with stage.serving():
        stage.write("new")
        await until(lambda: stage.log == ["built old", "built new", "closed old"])


async def test_what_parts_keep_in_memory_is_there_for_the_next_configuration(stage):
    async with stage.serving():
        stage.write("new")
        await until(lambda: stage.kept == ["old", "new"])


async def test_stopping_cuts_streams_of_every_configuration_and_closes_all_plugins(stage):
    async with stage.serving(), stage.request("/held") as first:
        await first.readuntil(b"old")
        stage.write("new")
        await stage.answers("new")
    assert sorted(stage.log) == ["built new", "built old", "closed new", "closed old"]


async def test_what_is_not_valid_is_reported_with_its_lines_and_changes_nothing(stage, caplog):
    async with stage.serving():
        stage.write("new", more="listn: 1\nmax_body: x\n")
        await logged(caplog, "cannot be used; what was in force stays")
        assert f"{stage.file}:3: unknown key 'listn'; did you mean 'listen'?" in caplog.text
        assert f"{stage.file}:4 max_body:" in caplog.text
        assert await stage.get() == "old"
        stage.file.unlink()
        await logged(caplog, "there is no such file")
        stage.write("old")
        await logged(caplog, "is right again")
        assert stage.log == ["built old"]
        stage.write("newer")
        await stage.answers("newer")


async def test_a_pipe_in_place_of_the_file_is_not_waited_for(stage, caplog):
    async with stage.serving():
        stage.file.unlink()
        os.mkfifo(stage.file)
        await logged(caplog, "is not a file")
        assert await stage.get() == "old"
        stage.write("new")
        await stage.answers("new")


async def test_a_file_of_the_same_size_and_time_is_another_one(stage):
    async with stage.serving():
        before = stage.file.stat()
        stage.file.write_text(stage.file.read_text().replace("old", "new"))
        os.utime(stage.file, ns=(before.st_atime_ns, before.st_mtime_ns))
        await stage.answers("new")


async def test_the_env_file_is_watched_too(stage):
    stage.write("'${WORD:-none}'")
    dotenv = stage.file.with_name(".env")
    async with stage.serving():
        assert await stage.get() == "none"
        dotenv.write_text("WORD=one\n")
        await stage.answers("one")
        dotenv.write_text("WORD=two\n")
        await stage.answers("two")


async def test_a_file_that_is_only_touched_changes_nothing(stage):
    async with stage.serving():
        os.utime(stage.file, ns=(1, 1))
        await until(lambda: stage.loads == 2)
        stage.write("old")
        await until(lambda: stage.loads == 3)
        stage.file.with_name(".env").write_text("OTHER=1\n")
        await until(lambda: stage.loads == 4)
        stage.write("new")
        await stage.answers("new")
    assert stage.log == ["built old", "built new", "closed old", "closed new"]


async def test_another_order_is_a_change(stage):
    """The first of two patterns wins where both match."""
    one, other = '"~a": {input: 1}', '"~b": {input: 2}'
    stage.write("old", more=f"prices: {{{one}, {other}}}")
    async with stage.serving():
        stage.write("old", more=f"prices: {{{other}, {one}}}")
        await until(lambda: stage.log.count("built old") == 2)


async def test_what_needs_a_restart_is_said_and_the_rest_is_in_force(stage, caplog):
    async with stage.serving():
        stage.write(
            "new",
            listen="127.0.0.1:1",
            more="state_dir: elsewhere\nusage: redis://u:s3cret@h\nrag: {store: 'milvus://u:s3cret@h'}\n"
            "record: {mode: record}\n",
        )
        await stage.answers("new")
        assert "listen needs a restart; it stays 127.0.0.1:0 until then" in caplog.text
        assert "state_dir needs a restart; it stays .aigw until then" in caplog.text
        assert "usage needs a restart" in caplog.text
        assert "record needs a restart; it stays as it was until then" in caplog.text
        assert "rag.store needs a restart; it stays local until then" in caplog.text
        assert "s3cret" not in caplog.text


async def test_a_plugin_that_cannot_start_leaves_the_old_ones(stage, caplog):
    async with stage.serving():
        stage.write("half", more="routes: [{name: a, plugins: {ai-cache: {fails: true}}}]\n")
        await logged(caplog, "cannot be started; what was in force stays")
        assert await stage.get() == "old"
        built = [line for line in stage.log if line.startswith("built")]
        assert [line.replace("closed", "built") for line in stage.log if line.startswith("closed")] == built[1:]


async def test_collections_that_cannot_be_read_leave_the_old_plugins(stage, caplog, tmp_path):
    collections = tmp_path / "rag"
    collections.write_text("no folder")
    async with stage.serving(state=tmp_path):
        stage.write("new, collections: [docs]")
        await logged(caplog, "cannot be started; what was in force stays")
        assert "the collections cannot be used: " in caplog.text
        assert await stage.get() == "old"
        assert "closed old" not in stage.log
        collections.unlink()
        stage.write("newer, collections: [docs]")
        await stage.answers("newer")
        await until(lambda: "closed old" in stage.log)
        built = [line for line in stage.log if line.startswith("built")]
        closed = [line.replace("closed", "built") for line in stage.log if line.startswith("closed")]
        assert set(built) - set(closed) == {"built newer"}


async def test_keys_cannot_be_taken_away_from_an_address_that_others_reach(stage, caplog):
    stage.file.write_text("listen: 0.0.0.0:0\nplugins: {key-auth: {text: old}}\n")
    async with stage.serving():
        stage.write("new", listen="0.0.0.0:0")
        await logged(caplog, "can be reached from other machines")
        assert await stage.get() == "old"


async def test_a_file_is_read_once_it_is_still(stage):
    """Between two pieces of a file that is written slowly there are valid files that nobody wants."""
    slept = asyncio.Queue()
    go_on = asyncio.Queue()

    async def sleep(seconds):
        slept.put_nowait(seconds)
        await go_on.get()

    stage.sleep = sleep
    async with asyncio.timeout(PATIENCE), stage.serving():
        assert await slept.get() == POLL_SECONDS
        stage.file.write_text("")
        for piece in ("listen: 127.0.0.1:0\n", "plugins: {ai-cache: {text: new}}\n"):
            go_on.put_nowait(None)
            assert await slept.get() == STILL_SECONDS
            with stage.file.open("a") as file:
                file.write(piece)
        go_on.put_nowait(None)
        assert await slept.get() == STILL_SECONDS
        assert stage.log == ["built old"]
        go_on.put_nowait(None)
        assert await slept.get() == POLL_SECONDS
        assert stage.log[:2] == ["built old", "built new"]


async def test_a_change_of_a_file_of_words_is_a_change_of_the_configuration(stage, caplog):
    words = stage.file.with_name("words.txt")
    words.write_text("one\n")
    stage.write("old", more="guard: {rules: [{label: own, file: words.txt}]}\n")
    async with stage.serving():
        words.write_text("one\ntwo\n")
        await logged(caplog, "aigw.yaml has changed")
        words.unlink()
        await logged(caplog, "there is no file words.txt")
        words.write_text("one\ntwo\n")
        await logged(caplog, "aigw.yaml is right again")
    assert stage.log.count("built old") == 2
