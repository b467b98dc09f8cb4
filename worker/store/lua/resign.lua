-- resign(KEYS: leader; ARGV: beat id, epoch) -> 1 or 0
-- Give up the lead, but only one's own.
if redis.call('GET', KEYS[1]) == ARGV[2] .. ':' .. ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
