-- lead(KEYS: leader, epoch; ARGV: beat id, ttl ms) -> {epoch or "", ms until the other's hold runs out, or the ttl}
-- One beat at a time is the leader, and each taking of the lead has a higher epoch than all before it, also when Redis
-- was wiped in between (the clock is the floor). Applying it twice does nothing: a beat's id is its own.
local held = redis.call('GET', KEYS[1])
if held then
  local mine = string.match(held, '^%d+')
  if held == mine .. ':' .. ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return {mine, tonumber(ARGV[2])}
  end
  local left = redis.call('PTTL', KEYS[1])
  return {'', left < 0 and tonumber(ARGV[2]) or left + 1}
end
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local epoch = whole(math.max(last + 1, now))
redis.call('SET', KEYS[2], epoch)
redis.call('SET', KEYS[1], epoch .. ':' .. ARGV[1], 'PX', ARGV[2])
return {epoch, tonumber(ARGV[2])}
