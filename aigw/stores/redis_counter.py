"""Counters in Redis. One script is one decision, and Redis's own clock counts.

`used` is a plain integer under the key itself and its expiry is the window: the shape that Higress uses. What is held
stands in a hash beside it: each ticket with its amount and the time at which it comes free, and under "" the sum and
the first of those times. Numbers are compared as doubles, exact up to 2^53."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from hashlib import sha1
from typing import Any

from redis.exceptions import NoScriptError, RedisError

from aigw.stores.base import Count, Limit, Ticket
from aigw.stores.redis_client import RedisClient, Word
from aigw.stores.redis_keys import Keys

_FUNCTIONS = r"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(number) return string.format('%.0f', number) end

local function split(text)
  local amount, free = string.match(text, '^(%-?%d+) (%d+)$')
  return tonumber(amount), tonumber(free)
end

-- the sum, its first time, and the tickets that have come free, which are not in the sum
local function holds(key)
  local total = redis.call('HGET', key, '')
  if not total then return 0, math.huge, {} end
  local sum, first = split(total)
  if first > now then return sum, first, {} end
  local fields, gone = redis.call('HGETALL', key), {}
  sum, first = 0, math.huge
  for at = 1, #fields, 2 do
    if fields[at] ~= '' then
      local amount, free = split(fields[at + 1])
      if free > now then
        sum, first = sum + amount, math.min(first, free)
      else
        gone[#gone + 1] = fields[at]
      end
    end
  end
  return sum, first, gone
end

local function keep(key, sum, first, gone)
  for at = 1, #gone do redis.call('HDEL', key, gone[at]) end
  if redis.call('HLEN', key) == redis.call('HEXISTS', key, '') then
    redis.call('DEL', key)
  else
    redis.call('HSET', key, '', whole(sum) .. ' ' .. whole(first))
  end
end

local function used(key)
  local value = redis.call('GET', key) or '0'
  return tonumber(value) or error('value is not an integer'), value
end

local function count(key, held)
  local _, value = used(key)
  local sum = holds(held)
  return {value, whole(sum), redis.call('PTTL', key)}
end
"""

_HOLD = """
-- KEYS: of each limit its key and that of its holds. ARGV: ticket, lease in ms, of each limit the limit and the hold
local counts, refused = {}, -1
for at = 1, #KEYS, 2 do
  local number, value = used(KEYS[at])
  local sum = holds(KEYS[at + 1])
  if refused < 0 and number + sum > tonumber(ARGV[at + 2]) then refused = (at - 1) / 2 end
  counts[#counts + 1] = {value, whole(sum), redis.call('PTTL', KEYS[at])}
end
for at = 1, refused < 0 and #KEYS or 0, 2 do
  local key, hold = KEYS[at + 1], tonumber(ARGV[at + 3])
  if hold ~= 0 then
    local sum, first, gone = holds(key)
    local before = split(redis.call('HGET', key, ARGV[1]) or '0 0')
    local free = now + ARGV[2]
    redis.call('HSET', key, ARGV[1], whole(before + hold) .. ' ' .. whole(free))
    keep(key, sum + hold, math.min(first, free), gone)
    if redis.call('PTTL', key) < tonumber(ARGV[2]) then redis.call('PEXPIRE', key, ARGV[2]) end
  end
end
return {refused, counts}
"""

_SETTLE = """
-- KEYS as above. ARGV: ticket, '1' for `within`, of each limit the limit, the window in s and the charge
for at = 1, #KEYS, 2 do
  local hold = redis.call('HGET', KEYS[at + 1], ARGV[1])
  if hold then
    local amount, free = split(hold)
    local sum, first, gone = holds(KEYS[at + 1])
    redis.call('HDEL', KEYS[at + 1], ARGV[1])
    keep(KEYS[at + 1], free > now and sum - amount or sum, first, gone)
  end
  local limit, window, charge = unpack(ARGV, 3 + (at - 1) / 2 * 3, 5 + (at - 1) / 2 * 3)
  if charge ~= '0' and (ARGV[2] ~= '1' or used(KEYS[at]) <= tonumber(limit)) then
    local first = redis.call('EXISTS', KEYS[at]) == 0
    redis.call('INCRBY', KEYS[at], charge)
    if first and window ~= '0' then redis.call('EXPIRE', KEYS[at], window) end
  end
end
local counts = {}
for at = 1, #KEYS, 2 do counts[#counts + 1] = count(KEYS[at], KEYS[at + 1]) end
return counts
"""

_READ = "return count(KEYS[1], KEYS[2])"
_DROP = "redis.call('DEL', KEYS[2]) return redis.call('DEL', KEYS[1])"


class _Script:
    def __init__(self, text: str) -> None:
        self.text = text.encode()
        self.sha = sha1(self.text, usedforsecurity=False).hexdigest()


HOLD = _Script(_FUNCTIONS + _HOLD)
SETTLE = _Script(_FUNCTIONS + _SETTLE)
READ = _Script(_FUNCTIONS + _READ)
DROP = _Script(_DROP)


class RedisCounter:
    def __init__(self, client: RedisClient, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def hold(self, limits: Sequence[Limit], *, lease: float = 900.0) -> Ticket:
        """In a cluster the keys of one decision must have one hash tag."""
        limits = tuple(limits)
        if not limits:
            return Ticket("", (), ())
        id_ = secrets.token_hex(8)
        words: list[Word] = [id_, round(lease * 1000)]
        for limit in limits:
            words += (limit.limit, limit.hold)
        refused, counts = await self._run(HOLD, [limit.key for limit in limits], words)
        if refused >= 0:
            return Ticket("", limits, tuple(map(_count, counts)), refused)
        return Ticket(id_, limits, tuple(map(_count, counts)))

    async def settle(self, ticket: Ticket, charges: Sequence[int], *, within: bool = False) -> tuple[Count, ...]:
        if not ticket.limits:
            return ()
        words: list[Word] = [ticket.id, int(within)]
        for limit, charge in zip(ticket.limits, charges, strict=True):
            words += (limit.limit, limit.window, charge)
        counts = await self._run(SETTLE, [limit.key for limit in ticket.limits], words)
        return tuple(map(_count, counts))

    async def read(self, *keys: str) -> tuple[Count, ...]:
        return tuple(map(_count, await asyncio.gather(*(self._run(READ, [key], []) for key in keys))))

    async def add(self, key: str, amount: int) -> int:
        return int(await self._call("INCRBY", self._keys.encode(key), amount))

    async def put(self, key: str, value: int) -> None:
        await self._call("SET", self._keys.encode(key), value)

    async def drop(self, *keys: str) -> int:
        return sum(await asyncio.gather(*(self._run(DROP, [key], []) for key in keys)))

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        async for key in self._keys.found(self._client, prefix):
            yield key

    async def _run(self, script: _Script, keys: Sequence[str], words: Sequence[Word]) -> Any:
        both = [each for key in keys for each in self._both(key)]
        self._client.check_one_slot(both)
        try:
            return await self._client.call("EVALSHA", script.sha, len(both), *both, *words)
        except NoScriptError:
            return await self._call("EVAL", script.text, len(both), *both, *words)
        except RedisError as error:
            raise self._client.error(error) from None

    def _both(self, key: str) -> tuple[bytes, bytes]:
        encoded = self._keys.encode(key)
        return encoded, self._keys.held(encoded)

    async def _call(self, *command: Word) -> Any:
        try:
            return await self._client.call(*command)
        except RedisError as error:
            raise self._client.error(error) from None


def _count(reply: Sequence[Any]) -> Count:
    used, held, left = reply
    return Count(int(used), int(held), max(left, 0) / 1000)
