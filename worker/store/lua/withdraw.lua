-- withdraw(KEYS: ready, delayed, inflight, dead, outcomes;
--          ARGV: trigger prefix, sweep prefix, id, to, keep ms, outcomes max, outcome field, value ...)
--   -> the state the trigger was in, or ""
-- A person ends a trigger: `cancelled` from waiting or dispatched (never while a worker holds it: it may be sent
-- already), `discarded` from dead.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local key = ARGV[1] .. ARGV[3]
local known = redis.call('HMGET', key, 'state', 'sweep')
local state = known[1] or ''
local allowed = ARGV[4] == 'discarded' and state == 'dead'
  or ARGV[4] == 'cancelled' and (state == 'waiting' or state == 'dispatched')
if not allowed then
  return state
end
redis.call('HSET', key, 'state', ARGV[4], 'ended', string.format('%.0f', now))
redis.call('PEXPIRE', key, ARGV[5])
for index = 1, 4 do
  redis.call('ZREM', KEYS[index], ARGV[3])
end
if known[2] and state ~= 'dead' then
  redis.call('HINCRBY', ARGV[2] .. known[2], 'open', -1)
  redis.call('HINCRBY', ARGV[2] .. known[2], ARGV[4], 1)
end
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[6], '*', unpack(ARGV, 7))
return state
