"""The Lua scripts of a counter in Redis. Each of them makes one decision.

A hash beside the key has what is held: for each ticket its amount and the time at which it is released (ms since 1970),
and under "" the sum of the amounts and the first of the times, so that a decision reads one field. Redis compares
numbers as doubles, which are exact up to 2^53."""

from aigw.stores.redis.client import Script

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

HOLD = Script(_FUNCTIONS + _HOLD)
SETTLE = Script(_FUNCTIONS + _SETTLE)
READ = Script(_FUNCTIONS + _READ)
DROP = Script(_DROP)
