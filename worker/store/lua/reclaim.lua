-- reclaim(KEYS: ready, inflight, dead, outcomes, delayed, limit, rate, events;
--         ARGV: trigger prefix, ledger prefix, sweep prefix, most losses, outcomes max, lease ms or "", longest wait ms)
--   -> {number returned to waiting, number given up}
-- What was dispatched or claimed and whose lease ran out goes back to waiting. A trigger that took its worker down
-- with it too often is a dead letter: it would take the next one down, too.
--
-- A lease is given when the clock may have gone back: then nothing may be held, or wait for another try, for longer than
-- it ever would from now on.
if ARGV[6] ~= '' then
  local longest = now + tonumber(ARGV[6])
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. whole(longest), '+inf')) do
    redis.call('ZADD', KEYS[2], longest, id)
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '(' .. whole(now + tonumber(ARGV[7])), '+inf')) do
    if tonumber(redis.call('HGET', ARGV[1] .. id, 'tries') or '0') > 0 then
      redis.call('ZADD', KEYS[5], now, id)
    end
  end
  for _, field in ipairs({'open', 'pause'}) do
    if tonumber(redis.call('HGET', KEYS[6], field) or '0') > now + 60000 then
      redis.call('HSET', KEYS[6], field, whole(now))
    end
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[7], '(' .. whole(now), '+inf')
end

local returned, given_up = 0, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1000)) do
  local key = ARGV[1] .. id
  local known = redis.call('HMGET', key, 'state', 'rank', 'sweep')
  redis.call('ZREM', KEYS[2], id)
  local losses = 0
  if known[1] == 'claimed' then
    losses = redis.call('HINCRBY', key, 'losses', 1)
  elseif known[1] == 'dispatched' then
    redis.call('HINCRBY', key, 'unheard', 1)
  end
  if losses >= tonumber(ARGV[4]) then
    local reason = 'lost with its worker ' .. losses .. ' times: the worker was killed, or hung, while it held this trigger'
    redis.call('HSET', key, 'state', 'dead', 'reason', reason, 'code', 'worker_lost', 'ended', whole(now))
    redis.call('HDEL', key, 'token')
    redis.call('ZADD', KEYS[3], now, id)
    decide(ARGV[2], key, 'exhausted', reason)
    ended(KEYS[8], id, 'dead')
    tell(KEYS[4], ARGV[5], key, 'status', 'dead', 'code', 'worker_lost', 'reason', reason)
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
