-- withdraw(KEYS: ready, delayed, inflight, dead, held, outcomes, events;
--          ARGV: trigger prefix, ledger prefix, sweep prefix, id, to, keep ms, outcomes max, reason, outcome field, value ...)
--   -> the state the trigger was in, or ""
-- A person ends a trigger: `cancelled` from waiting or dispatched (never while a worker holds it: it may be sent
-- already), `discarded` from dead.
local key = ARGV[1] .. ARGV[4]
local known = redis.call('HMGET', key, 'state', 'sweep')
local state = known[1] or ''
local allowed = ARGV[5] == 'discarded' and state == 'dead'
  or ARGV[5] == 'cancelled' and (state == 'waiting' or state == 'dispatched')
if not allowed then
  return state
end
redis.call('HSET', key, 'state', ARGV[5], 'ended', whole(now))
redis.call('PEXPIRE', key, ARGV[6])
for index = 1, 5 do
  redis.call('ZREM', KEYS[index], ARGV[4])
end
if known[2] then
  redis.call('ZREM', ARGV[3] .. known[2] .. ':parked', ARGV[4])
end
if known[2] and state ~= 'dead' then
  redis.call('HINCRBY', ARGV[3] .. known[2], 'open', -1)
  redis.call('HINCRBY', ARGV[3] .. known[2], ARGV[5], 1)
end
decide(ARGV[2], key, 'discarded', ARGV[8])
if state ~= 'dead' then
  ended(KEYS[7], ARGV[4], 'cancelled')
end
redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[7], '*', unpack(ARGV, 9))
return state
