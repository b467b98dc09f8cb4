-- fenced(KEYS: leader, key; ARGV: "epoch:beat id" or "", command, argument ...) -> 1 done, or -1 no longer the leader
-- One plain write for the scheduler, and only by who leads; "" is a person's.
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return -1
end
redis.call(ARGV[2], KEYS[2], unpack(ARGV, 3))
return 1
