-- Takes all limits of a call or none.
-- KEYS: balances, calls under way. ARGV: for tokens and for requests each what is needed, what is wanted beyond it, the
-- capacity, and the price of one in sixteenths of a microsecond (0: no limit); the most calls (0: no limit), this call's
-- name, how long it counts at the most, in microseconds.
-- Returns: what refused (0 none, 1 tokens, 2 requests, 3 calls), the wait in microseconds (-1: unknown), what was granted
-- of both beyond the need; then how things stand: in how many microseconds tokens and requests are full, for how many nobody may
-- take, and how many calls are under way (-1: unknown).
-- It may come twice: who asks does not know whether it arrived. A call that counts already has its limits. Where calls are not
-- counted it takes them again: what is taken too much refills with time.
local time = redis.call('TIME')
-- Since 2026, so that a double holds sixteenths of a microsecond.
local now = ((time[1] - 1767225600) * 1000000 + time[2]) * 16
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'requests', 'paused')
local paused = tonumber(kept[3] or 0)

local function left(instant) return math.min(math.ceil(math.max(tonumber(instant or 0) - now, 0) / 16), 2^53) end

if ARGV[9] + 0 > 0 and redis.call('ZSCORE', KEYS[2], ARGV[10]) then
  return {0, 0, 0, 0, left(kept[1]), left(kept[2]), left(paused), -1}
end

local function look(full_at, first)
  local need, more, capacity, price = ARGV[first] + 0, ARGV[first + 1] + 0, ARGV[first + 2] + 0, ARGV[first + 3] + 0
  if price == 0 then return 0, nil, 0 end
  local base = math.max(tonumber(full_at or 0), now)
  local room = now + math.ceil(capacity * price) - base - math.ceil(need * price)
  if room < 0 then return -room, nil, 0 end
  more = math.min(more, math.floor(room / price))
  return 0, base + math.ceil((need + more) * price), more
end

local waits, tokens, more_tokens = look(kept[1], 1)
local waits_too, requests, more_requests = look(kept[2], 5)
local refused, wait = 0, 0
if waits > 0 then refused, wait = 1, waits end
if waits_too > wait then refused, wait = 2, waits_too end
if paused - now > wait then refused, wait = 2, paused - now end
if refused > 0 then return {refused, math.ceil(wait / 16), 0, 0, left(kept[1]), left(kept[2]), left(paused), -1} end

local calls = -1

if ARGV[9] + 0 > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
  calls = redis.call('ZCARD', KEYS[2]) + 1
  if calls > ARGV[9] + 0 then return {3, -1, 0, 0, left(kept[1]), left(kept[2]), left(paused), calls - 1} end
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[11] * 16), ARGV[10])
  redis.call('PEXPIRE', KEYS[2], math.ceil(ARGV[11] / 1000))
end

local last = paused
for field, full_at in pairs({tokens = tokens, requests = requests}) do
  redis.call('HSET', KEYS[1], field, string.format('%.0f', full_at))
end
for _, full_at in ipairs({kept[1] or 0, kept[2] or 0, tokens or 0, requests or 0}) do
  last = math.max(last, tonumber(full_at))
end
if last > now then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((last - now) / 16000) + 1000))
end
return {0, 0, more_tokens, more_requests, left(tokens or kept[1]), left(requests or kept[2]), left(paused), calls}
