-- reclaim(KEYS: ready, inflight, dead, outcomes; ARGV: trigger prefix, ledger prefix, sweep prefix, most losses, outcomes max)
--   -> {number returned to waiting, number given up}
-- What was dispatched or claimed and whose lease ran out goes back to waiting. A trigger that took its worker down
-- with it too often is a dead letter: it would take the next one down, too.
local returned, given_up = 0, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1000)) do
  local key = ARGV[1] .. id
  local known = redis.call('HMGET', key, 'state', 'rank', 'sweep', 'source')
  redis.call('ZREM', KEYS[2], id)
  local losses = 0
  if known[1] == 'claimed' then
    losses = redis.call('HINCRBY', key, 'losses', 1)
  end
  if losses >= tonumber(ARGV[4]) then
    local reason = 'lost with its worker ' .. losses .. ' times: the worker was killed, or hung, while it held this trigger'
    redis.call('HSET', key, 'state', 'dead', 'reason', reason, 'code', 'worker_lost', 'ended', whole(now))
    redis.call('HDEL', key, 'token')
    redis.call('ZADD', KEYS[3], now, id)
    decide(ARGV[2], key, 'exhausted', reason)
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[5], '*', 'status', 'dead', 'trigger', id,
               'source', known[4] or '', 'code', 'worker_lost', 'reason', reason)
    if known[3] then
      redis.call('HINCRBY', ARGV[3] .. known[3], 'open', -1)
      redis.call('HINCRBY', ARGV[3] .. known[3], 'dead', 1)
    end
    given_up = given_up + 1
  elseif known[1] == 'dispatched' or known[1] == 'claimed' then
    redis.call('HSET', key, 'state', 'waiting')
    redis.call('HDEL', key, 'token', 'probe')
    redis.call('ZADD', KEYS[1], known[2], id)
    returned = returned + 1
  end
end
return {returned, given_up}
