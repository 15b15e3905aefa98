-- Renews the lease of an execution.
-- KEYS: the record. ARGV: the token, the lease and the time of the record in milliseconds. Returns whether it is still its.
local kept = redis.call('HMGET', KEYS[1], 'state', 'token')
if kept[1] ~= 'running' or kept[2] ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + ARGV[3]))
return 1
