-- book(KEYS: booked, booked revision; ARGV: name, SHA-1 of the row that is to be there or "", row or "" for none,
--      commands as JSON) -> 1 done, now or before; 0 another row is there
--
-- A schedule made over the API is written only in place of the row that its author has seen. `commands`, plain writes such
-- as the audit entry, go with it. What is there already as it is asked for was written by this very call, whose answer was
-- lost: the row has its author and the instant in it.

local row = redis.call('HGET', KEYS[1], ARGV[1])
if (row or '') == ARGV[3] then
  return 1
end
if (row and redis.sha1hex(row) or '') ~= ARGV[2] then
  return 0
end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
for _, command in ipairs(cjson.decode(ARGV[4])) do
  redis.call(unpack(command))
end
-- It begins with the time: a Redis that has lost its memory does not count the same once more.
redis.call('SET', KEYS[2], whole(now), 'NX')
redis.call('INCR', KEYS[2])
return 1
