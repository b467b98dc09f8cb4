-- sending(KEYS: -; ARGV: trigger prefix, token, id ...) -> one per id: 1 go ahead, 0 the claim is gone
-- The holder of the claim says, before it sends, that it is about to: whoever comes after a crash must look for the
-- run first.
local answers = {}
for index = 3, #ARGV do
  local key = ARGV[1] .. ARGV[index]
  local mine = redis.call('HGET', key, 'token') == ARGV[2]
  if mine then
    redis.call('HSET', key, 'sent', whole(now), 'unclear', '1')
  end
  answers[#answers + 1] = mine and 1 or 0
end
return answers
