-- throttle(KEYS: throttle; ARGV: calls per minute) -> {1 allowed or 0, ms until the next may come, how many may at once}
-- GCRA: the key is when (epoch µs) what was taken would be spent at an even pace; it may lie a minute ahead. A call that
-- is refused takes nothing. Applying it twice counts a call twice, which harms nobody.
local micros = time[1] * 1000000 + time[2]
local pace = 60000000 / tonumber(ARGV[1])
local limit = micros + 60000000
-- Not past the limit: the clock may have gone back.
local spent = math.min(limit, math.max(micros, tonumber(redis.call('GET', KEYS[1]) or '0')))
local after = spent + pace
if after > limit + 1 then
  return {0, math.ceil((after - limit) / 1000), 0}
end
redis.call('SET', KEYS[1], whole(after), 'PX', math.ceil((after - micros) / 1000))
local left = math.floor((limit + 1 - after) / pace)
return {1, left > 0 and 0 or math.ceil((after + pace - limit) / 1000), left}
