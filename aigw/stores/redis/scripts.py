"""The Lua scripts of a counter in Redis. Each of them makes one decision.

A hash beside the key has what is held: for each ticket its amount, the time at which its lease ends (ms since 1970),
and how it is charged then (the window in seconds, behind a minus if the number says what is left). Under "" it has the
sum of the amounts and the first of the times, so that a decision reads one field. An amount of 0 was charged when its
lease ended, and is remembered for a while. Redis compares numbers as doubles, which are exact up to 2^53."""

from aigw.core.stores import LAPSED_SECONDS, LEASE
from aigw.stores.redis.client import Script

KEPT_SECONDS = 30 * 86_400
"""How long a hash stays after its last lease, so that a later decision can still charge what was never settled."""

_FUNCTIONS = (
    f"local LEASE, LAPSED, KEPT = {LEASE * 1000:.0f}, {LAPSED_SECONDS * 1000:.0f}, {KEPT_SECONDS * 1000}"
    + r"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(number) return string.format('%.0f', number) end

local function split(text)
  local amount, ends, how = string.match(text, '^(%-?%d+) (%d+) ?(%S*)$')
  return tonumber(amount), tonumber(ends), how
end

local function put(held, ticket, amount, ends, how)
  redis.call('HSET', held, ticket, whole(amount) .. ' ' .. whole(ends) .. (how ~= '' and ' ' .. how or ''))
end

local function remember(held, sum, first)
  if redis.call('HLEN', held) == redis.call('HEXISTS', held, '') then
    redis.call('DEL', held)
  else
    redis.call('HSET', held, '', whole(sum) .. ' ' .. whole(first))
  end
end

-- charges a hold that nobody settled; returns until when that is remembered
local function lapse(key, amount, how)
  local down, window = string.match(how, '^(%-?)(%d+)$')
  if not window then return 0 end  -- an older aigw held it
  local first = redis.call('EXISTS', key) == 0
  redis.call('INCRBY', key, whole(down == '-' and -amount or amount))
  if first and window ~= '0' then redis.call('EXPIRE', key, window) end
  local left = redis.call('PTTL', key)
  return now + (left > 0 and math.min(left, LAPSED) or LAPSED)
end

-- the sum of what is held, and the first time at which something changes; what has ended is charged
local function holds(key, held)
  local total = redis.call('HGET', held, '')
  if not total then return 0, math.huge end
  local sum, first = split(total)
  if first > now and first <= now + LEASE then return sum, first end
  local fields = redis.call('HGETALL', held)
  sum, first = 0, math.huge
  for at = 1, #fields, 2 do
    if fields[at] ~= '' then
      local amount, ends, how = split(fields[at + 1])
      if amount ~= 0 and ends > now + LEASE then  -- the clock was set back
        ends = now + LEASE
        put(held, fields[at], amount, ends, how)
      elseif amount ~= 0 and ends <= now then
        amount, ends = 0, lapse(key, amount, how)
        put(held, fields[at], 0, ends, how)
      end
      if ends > now then
        sum, first = sum + amount, math.min(first, ends)
      else
        redis.call('HDEL', held, fields[at])
      end
    end
  end
  remember(held, sum, math.min(first, now + LEASE))
  return sum, first
end

local function used(key)
  local value = redis.call('GET', key) or '0'
  return tonumber(value) or error('value is not an integer'), value
end

-- no window ends later than one window from now
local function within(key, window)
  if window ~= '0' and redis.call('PTTL', key) > tonumber(window) * 1000 then redis.call('EXPIRE', key, window) end
end

local function count(key, held)
  local sum = holds(key, held)
  local _, value = used(key)
  return {value, whole(sum), redis.call('PTTL', key)}
end
"""
)

_HOLD = """
-- KEYS: of each limit its key and that of its holds. ARGV: ticket, lease in ms, of each limit the limit, the hold, the
-- window in s, and how it is charged
local counts, refused = {}, -1
for at = 1, #KEYS, 2 do
  local limit, _, window = unpack(ARGV, 3 + (at - 1) * 2, 6 + (at - 1) * 2)
  within(KEYS[at], window)
  counts[#counts + 1] = count(KEYS[at], KEYS[at + 1])
  local number, sum = used(KEYS[at]), tonumber(counts[#counts][2])
  if refused < 0 and number + sum > tonumber(limit) then refused = (at - 1) / 2 end
end
for at = 1, refused < 0 and #KEYS or 0, 2 do
  local key, hold, how = KEYS[at + 1], tonumber(ARGV[4 + (at - 1) * 2]), ARGV[6 + (at - 1) * 2]
  if hold ~= 0 then
    local sum, first = holds(KEYS[at], key)
    local before = split(redis.call('HGET', key, ARGV[1]) or '0 0')
    local ends = now + ARGV[2]
    put(key, ARGV[1], before + hold, ends, how)
    remember(key, sum + hold, math.min(first, ends))
    redis.call('PEXPIRE', key, ARGV[2] + KEPT)
  end
end
return {refused, counts}
"""

_GROW = """
-- KEYS as above. ARGV: ticket, lease in ms, of each limit what is added
local grown, counts = {}, {}
for at = 1, #KEYS, 2 do
  local sum, first = holds(KEYS[at], KEYS[at + 1])
  local amount, _, how = split(redis.call('HGET', KEYS[at + 1], ARGV[1]) or '0 0')
  local more = amount ~= 0 and tonumber(ARGV[3 + (at - 1) / 2]) or 0
  if amount ~= 0 then
    put(KEYS[at + 1], ARGV[1], amount + more, now + ARGV[2], how)
    remember(KEYS[at + 1], sum + more, first)
    redis.call('PEXPIRE', KEYS[at + 1], ARGV[2] + KEPT)
  end
  grown[#grown + 1] = more
end
for at = 1, #KEYS, 2 do counts[#counts + 1] = count(KEYS[at], KEYS[at + 1]) end
return {grown, counts}
"""

_SETTLE = """
-- KEYS as above. ARGV: ticket, '1' for `within`, of each limit the limit, the window in s, the charge, and what to add
-- if the hold was charged when its lease ended
for at = 1, #KEYS, 2 do
  local limit, window, charge, back = unpack(ARGV, 3 + (at - 1) * 2, 6 + (at - 1) * 2)
  local hold = redis.call('HGET', KEYS[at + 1], ARGV[1])
  if hold then
    local total = redis.call('HGET', KEYS[at + 1], '')
    local amount, ends = split(hold)
    redis.call('HDEL', KEYS[at + 1], ARGV[1])
    local sum, first = split(total or '0 0')
    remember(KEYS[at + 1], sum - amount, first)
    if amount == 0 and ends > now and redis.call('EXISTS', KEYS[at]) == 1 then
      redis.call('INCRBY', KEYS[at], back)
    end
  end
  holds(KEYS[at], KEYS[at + 1])
  within(KEYS[at], window)
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
_PUT = """
redis.call('SET', KEYS[1], ARGV[1])
local fields = redis.call('HGETALL', KEYS[2])
for at = 1, #fields, 2 do
  if fields[at] ~= '' and (split(fields[at + 1])) == 0 then redis.call('HDEL', KEYS[2], fields[at]) end
end
"""
_DROP = "redis.call('DEL', KEYS[2]) return redis.call('DEL', KEYS[1])"

HOLD = Script(_FUNCTIONS + _HOLD)
GROW = Script(_FUNCTIONS + _GROW)
SETTLE = Script(_FUNCTIONS + _SETTLE)
READ = Script(_FUNCTIONS + _READ)
PUT = Script(_FUNCTIONS + _PUT)
DROP = Script(_DROP)
