-- claim(KEYS: ready, inflight; ARGV: trigger prefix, token, lease ms, id ...) -> {{id, field, value, ...} ...}
-- A worker takes triggers for a bounded time; of several that ask, one gets each. A trigger that went back to
-- waiting because its message was late is taken, too: otherwise a long queue could starve it for ever.
local claimed = {}
for index = 4, #ARGV do
  local id = ARGV[index]
  local key = ARGV[1] .. id
  local state = redis.call('HMGET', key, 'state', 'token')
  local mine = state[1] == 'claimed' and state[2] == ARGV[2]
  local waiting = state[1] == 'waiting' and redis.call('ZSCORE', KEYS[1], id)
  if mine or waiting or state[1] == 'dispatched' then
    redis.call('HSET', key, 'state', 'claimed', 'token', ARGV[2], 'claimed', whole(now))
    redis.call('HDEL', key, 'unheard')
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZADD', KEYS[2], now + ARGV[3], id)
    claimed[#claimed + 1] = redis.call('HGETALL', key)
    table.insert(claimed[#claimed], 1, id)
  end
end
return claimed
