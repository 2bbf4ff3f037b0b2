"""What a counter does inside Redis, in Lua: each script is one decision.

What is held under a key stands in a hash: each ticket with its amount and the time at which it comes free (ms since
1970), and under "" the sum and the first of those times, so that a decision reads one field. Numbers are compared as
doubles, exact up to 2^53."""

from aigw.stores.redis_client import Script

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

_HOLD = Script(_FUNCTIONS + _HOLD)
SETTLE = Script(_FUNCTIONS + _SETTLE)
READ = Script(_FUNCTIONS + _READ)
DROP = Script(_DROP)
