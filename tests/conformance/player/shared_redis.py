"""The one Redis server of all cases, which have it one after another.

Rule: each finds it as if it had just been started."""

from __future__ import annotations

from pathlib import Path

from redis.asyncio import Redis
from redis_server import RedisServer

USER, PASSWORD = "player", "player"
RIGHTS = "~* &* +@all"


class SharedRedis:
    """The server, started for the first case that needs it, and again after a case that has killed it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: RedisServer | None = None

    async def lend(self, rules: dict[str, str]) -> RedisServer:
        """Empty, with these users alone beside the player's own, and without a connection."""
        if self._server is None or not self._server.running:
            self._server = RedisServer(self._folder, f"user {USER} on >{PASSWORD} {RIGHTS}")
            await self._server.start()
        async with Redis(port=self._server.port, username=USER, password=PASSWORD) as redis:
            for name in set(await redis.acl_users()) - {USER, "default"}:
                await redis.acl_deluser(name)
            for name, rule in rules.items():
                await redis.execute_command("ACL SETUSER", name, "reset", *rule.split())
            await redis.client_kill_filter(_type="normal", skipme=True)
            await redis.flushall()
            await redis.script_flush()
        return self._server

    async def aclose(self) -> None:
        if self._server is not None:
            await self._server.kill()
