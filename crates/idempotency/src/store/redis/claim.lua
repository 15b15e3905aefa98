-- Claims a key for an execution, or tells what is known of it.
-- KEYS: the record. ARGV: the token of the execution, the fingerprint, the lease and the time of the record in milliseconds,
-- whether an unknown outcome may be followed by another execution.
-- Returns: what it finds, a time in milliseconds, a version, an answer.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('HMGET', KEYS[1], 'state', 'token', 'fingerprint', 'began', 'until', 'ended', 'version', 'value')
local state, token, fingerprint = kept[1], kept[2], kept[3]
if state then
  if fingerprint ~= ARGV[2] then return {'conflict', 0, 0, ''} end
  if state ~= 'running' then
    return {state, math.max(now - tonumber(kept[6] or now), 0), tonumber(kept[7] or 0), kept[8] or ''}
  end
  -- A claim may come twice: who made it does not know whether it arrived.
  if token ~= ARGV[1] then
    if tonumber(kept[5] or 0) > now then return {'busy', 0, 0, ''} end
    if ARGV[5] ~= '1' then return {'unknown', tonumber(kept[4] or 0), 0, ''} end
  end
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'state', 'running', 'token', ARGV[1], 'fingerprint', ARGV[2],
  'began', string.format('%.0f', now), 'until', string.format('%.0f', now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[3] + ARGV[4]))
return {'claimed', 0, 0, ''}
