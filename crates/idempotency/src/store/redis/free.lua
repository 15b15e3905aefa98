-- Gives a claim back: nothing was run.
-- KEYS: the record. ARGV: the token.
local kept = redis.call('HMGET', KEYS[1], 'state', 'token')
if kept[1] == 'running' and kept[2] == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
