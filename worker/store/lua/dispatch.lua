-- dispatch(KEYS: delayed, ready, inflight, limit; ARGV: trigger prefix, ceiling, first window, lease ms)
--   -> {now ms, ms of the next delayed trigger or -1, id ...}
-- Move what is ready from waiting to dispatched, never more at once than the server is known to take.
-- A published id that nobody claims within the lease goes back to waiting (reclaim).
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)) do
  redis.call('ZREM', KEYS[1], id)
  local rank = redis.call('HGET', ARGV[1] .. id, 'rank')
  if rank then
    redis.call('ZADD', KEYS[2], rank, id)
  end
end

local window = tonumber(redis.call('HGET', KEYS[4], 'window') or ARGV[3])
local room = math.floor(math.min(window, tonumber(ARGV[2]))) - redis.call('ZCARD', KEYS[3])
local next_delayed = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local answer = {now, next_delayed[2] and tonumber(next_delayed[2]) or -1}
if room <= 0 then
  return answer
end
local popped = redis.call('ZPOPMIN', KEYS[2], room)
for index = 1, #popped, 2 do
  local key = ARGV[1] .. popped[index]
  if redis.call('HGET', key, 'state') == 'waiting' then
    redis.call('HSET', key, 'state', 'dispatched')
    redis.call('ZADD', KEYS[3], now + ARGV[4], popped[index])
    answer[#answer + 1] = popped[index]
  end
end
return answer
