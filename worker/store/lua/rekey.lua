-- rekey(KEYS: api keys; ARGV: revision, audit command as JSON, key id, key JSON ...) -> 1 written, 0 changed meanwhile
-- API keys are changed as they were seen, together with the audit entry. Applying it twice does nothing: what is there
-- already counts as written.
if redis.call('HGET', KEYS[1], ARGV[3]) == ARGV[4] then
  return 1
end
if (redis.call('HGET', KEYS[1], 'revision') or '0') ~= ARGV[1] then
  return 0
end
redis.call('HINCRBY', KEYS[1], 'revision', 1)
for index = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[index], ARGV[index + 1])
end
redis.call(unpack(cjson.decode(ARGV[2])))
return 1
