-- release(KEYS: holding, limit; ARGV: id ...) -> number of slots that are still held
-- The submissions of these triggers are through: their slots at the server are free. After a refusal, what is held now
-- is what the server takes at once. One that refused while it held next to nothing of ours was full of others' launches, or
-- refused by chance: then one more is tried soon.
for _, id in ipairs(ARGV) do
  redis.call('ZREM', KEYS[1], id)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local held = redis.call('ZCARD', KEYS[1])
if redis.call('HDEL', KEYS[2], 'learning') == 1 then
  redis.call('HSET', KEYS[2], 'window', math.max(1, held), 'accepted', '0', 'patience', held < 2 and 4 or 40)
  redis.call('HDEL', KEYS[2], 'pause')
end
return held
