-- Keeps how an execution ended.
-- KEYS: the record. ARGV: the token, the fingerprint, the time of the record in milliseconds, the state, the version, the value.
-- Returns: 0 another execution has the key, 1 kept, 2 kept though the claim was gone.
local kept = redis.call('HMGET', KEYS[1], 'state', 'token')
if kept[1] and kept[2] ~= ARGV[1] then return 0 end
-- It may come twice.
if kept[1] and kept[1] ~= 'running' then return 1 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'state', ARGV[4], 'token', ARGV[1], 'fingerprint', ARGV[2],
  'ended', string.format('%.0f', now), 'version', ARGV[5], 'value', ARGV[6])
redis.call('HDEL', KEYS[1], 'until')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return kept[1] and 1 or 2
