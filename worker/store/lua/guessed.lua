-- guessed(KEYS: guesses; ARGV: most, within ms, first ms, longest ms, forgotten ms) -> ms that the address is locked out
-- One more wrong key. With `most` of them within a time, the address is locked out, each time for twice as long. Applying
-- it twice counts a guess twice, which harms nobody.
local known = redis.call('HMGET', KEYS[1], 'count', 'since', 'until', 'length')
local locked = tonumber(known[3] or '0') - now
if locked > 0 then
  return locked
end
local count, since = tonumber(known[1] or '0'), tonumber(known[2] or '0')
if now - since > tonumber(ARGV[2]) then
  count, since = 0, now
end
count = count + 1
local left = 0
if count >= tonumber(ARGV[1]) then
  left = math.min(tonumber(ARGV[4]), known[4] and known[4] * 2 or tonumber(ARGV[3]))
  count, since = 0, now + left
  redis.call('HSET', KEYS[1], 'until', whole(now + left), 'length', whole(left))
end
redis.call('HSET', KEYS[1], 'count', count, 'since', whole(since))
redis.call('PEXPIRE', KEYS[1], left + tonumber(ARGV[5]))
return left
