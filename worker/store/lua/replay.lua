-- replay(KEYS: ready, dead, going; ARGV: trigger prefix, ledger prefix, sweep prefix, id) -> the state the trigger was in, or ""
-- A dead letter waits again, with all its attempts before it. It keeps its run name, and whether an attempt was
-- unclear: the worker looks for the run before it sends.
local key = ARGV[1] .. ARGV[4]
local known = redis.call('HMGET', key, 'state', 'rank', 'sweep', 'schedule')
if known[1] ~= 'dead' then
  return known[1] or ''
end
redis.call('HSET', key, 'state', 'waiting', 'attempts', '0', 'losses', '0', 'replayed', whole(now))
redis.call('HDEL', key, 'ended', 'reason', 'code', 'expires', 'throttled')
decide(ARGV[2], key, 'fired', nil)
redis.call('HINCRBY', key, 'generation', 1)
redis.call('ZREM', KEYS[2], ARGV[4])
redis.call('ZADD', KEYS[1], known[2], ARGV[4])
if known[4] and not known[3] then
  redis.call('ZADD', KEYS[3], 0, known[4] .. '|' .. ARGV[4])
end
if known[3] then
  redis.call('HINCRBY', ARGV[3] .. known[3], 'open', 1)
  redis.call('HINCRBY', ARGV[3] .. known[3], 'dead', -1)
end
return 'dead'
