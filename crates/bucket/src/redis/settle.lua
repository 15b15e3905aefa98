-- Settles calls that have ended.
-- KEYS: balances, calls under way, the number of the last settlement of this process. ARGV: for tokens and for requests each what was used beyond what was taken (negative:
-- given back), the most that is left by the word of the model's server (-1: unknown), the capacity, the price of one in
-- sixteenths of a microsecond (0: no limit); for how many microseconds nobody may take; the number of this settlement; the names of the calls.
-- It may come twice: whoever handed it in does not know whether it arrived.
-- Returns how things stand: in how many microseconds tokens and requests are full, for how many nobody may take.
local time = redis.call('TIME')
local now = ((time[1] - 1767225600) * 1000000 + time[2]) * 16
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'requests', 'paused')
local function left(instant) return math.min(math.ceil(math.max(tonumber(instant or 0) - now, 0) / 16), 2^53) end

if ARGV[10] + 0 <= tonumber(redis.call('GET', KEYS[3]) or 0) then return {left(kept[1]), left(kept[2]), left(kept[3])} end
redis.call('SET', KEYS[3], ARGV[10], 'PX', 3600000)
local paused = math.max(tonumber(kept[3] or 0), now + ARGV[9] * 16)
if ARGV[9] + 0 > 0 then redis.call('HSET', KEYS[1], 'paused', string.format('%.0f', paused)) end
local last = paused

local function settle(field, full_at, first)
  local used, left, capacity, price = ARGV[first] + 0, ARGV[first + 1] + 0, ARGV[first + 2] + 0, ARGV[first + 3] + 0
  full_at = tonumber(full_at or 0)
  if price > 0 and (used ~= 0 or left >= 0) then
    if used < 0 then
      full_at = full_at - math.floor(-used * price)
    elseif used > 0 then
      -- Nobody is locked out for more than an hour, or than it takes to fill, by what was hardly used.
      local most = now + math.max(57600000000, 2 * capacity * price)
      full_at = math.max(full_at, math.min(math.max(full_at, now) + math.ceil(used * price), most))
    end
    if left >= 0 then full_at = math.max(full_at, now + math.ceil((capacity - left) * price)) end
    redis.call('HSET', KEYS[1], field, string.format('%.0f', math.max(full_at, 0)))
  end
  last = math.max(last, full_at)
  return full_at
end

local tokens = settle('tokens', kept[1], 1)
local requests = settle('requests', kept[2], 5)
for call = 11, #ARGV do redis.call('ZREM', KEYS[2], ARGV[call]) end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((last - now) / 16000) + 1000))
return {left(tokens), left(requests), left(paused)}
