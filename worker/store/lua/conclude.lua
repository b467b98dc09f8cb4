-- conclude(KEYS: leader, sweep, active sweeps; ARGV: "epoch:beat id" or "", sweep id, now ms, field, value ...)
--   -> 1 done, 0 it was opened again meanwhile, -1 no longer the leader
-- A sweep is over, if it still is as it was seen: somebody may have extended it, or had a trial run again.
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return -1
end
for index = 4, #ARGV, 2 do
  if (redis.call('HGET', KEYS[2], ARGV[index]) or '0') ~= ARGV[index + 1] then
    return 0
  end
end
redis.call('HSET', KEYS[2], 'finished', ARGV[3])
redis.call('SREM', KEYS[3], ARGV[2])
return 1
