-- renew(KEYS: inflight; ARGV: trigger prefix, token, lease ms, id ...) -> number renewed
-- The holder of a claim keeps it; nobody else can.
local renewed = 0
for index = 4, #ARGV do
  if redis.call('HGET', ARGV[1] .. ARGV[index], 'token') == ARGV[2] then
    redis.call('ZADD', KEYS[1], 'XX', now + ARGV[3], ARGV[index])
    renewed = renewed + 1
  end
end
return renewed
