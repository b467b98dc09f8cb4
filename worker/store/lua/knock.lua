-- knock(KEYS: guesses, api keys; ARGV: key id, field of its last use)
--   -> {now ms, ms that the address is locked out, key JSON or "", last use ms or "", 1 if there was ever a key or 0}
-- What each call asks first, in one question. It changes nothing.
local locked = tonumber(redis.call('HGET', KEYS[1], 'until') or '0') - now
local known = redis.call('HMGET', KEYS[2], ARGV[1], ARGV[2])
return {whole(now), whole(math.max(0, locked)), known[1] or '', known[2] or '', redis.call('EXISTS', KEYS[2])}
