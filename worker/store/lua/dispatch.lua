-- dispatch(KEYS: delayed, ready, inflight, limit, holding, rate, dead, outcomes, events;
--          ARGV: trigger prefix, ledger prefix, sweep prefix, limits)
--   -> {now ms, ms at which to look again or -1, 1 if the server's capacity is known to be small, why nothing goes or
--       "", id ...}
-- Move what is ready from waiting to dispatched: all limits allow it, or it stays. What one limit holds back does not
-- hold up what is behind it. A published id that nobody claims within `again` goes back to waiting (reclaim).
--
-- limits: JSON {ceiling, first, again, per_minute, per_day, tags: {tag or "prefix*": number}, outcomes}; 0 is no limit
local limits = cjson.decode(ARGV[4])
local known = {}
do
  local flat = redis.call('HGETALL', KEYS[4])
  for index = 1, #flat, 2 do
    known[flat[index]] = flat[index + 1]
  end
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)) do
  redis.call('ZREM', KEYS[1], id)
  local rank = redis.call('HGET', ARGV[1] .. id, 'rank')
  if rank then
    redis.call('ZADD', KEYS[2], rank, id)
  end
end

local delayed = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local answer = {now, delayed[2] and tonumber(delayed[2]) or -1, known.capped and 1 or 0, ''}

local function not_before(moment, why)
  if redis.call('ZCARD', KEYS[2]) > 0 then
    if answer[2] < 0 or moment < answer[2] then
      answer[2] = moment
    end
    answer[4] = why
  end
  return answer
end

-- How many more the server takes. A launch holds its slot beyond the answer; that matters where it takes few, and as long
-- as that is not known. Until then, one step waits for the answer to the one before.
local function room_at_server()
  if known.open then
    return 1
  end
  local taken, window = redis.call('ZCARD', KEYS[3]), tonumber(known.window or limits.first)
  if window > limits.first and window < 5 and not known.capped and taken > 0 then
    return 0
  end
  if known.capped or window < 5 then
    redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now)
    taken = taken + redis.call('ZCARD', KEYS[5])
  end
  return math.floor(math.min(window, limits.ceiling)) - taken
end

local function room_in_minute()
  if limits.per_minute == 0 then
    return math.huge
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', now - 60000)
  return limits.per_minute - redis.call('ZCARD', KEYS[6])
end

local today = whole(math.floor(now / 86400000))

local function room_today()
  if limits.per_day == 0 then
    return math.huge
  end
  return limits.per_day - (known.day == today and tonumber(known.used) or 0)
end

local function throttled(moment, why)
  redis.call('HSET', KEYS[4], 'throttled', whole(now))
  return not_before(moment, why)
end

-- Breaker: one probe at a time, with time for its answer.
if known.open then
  if tonumber(known.open) > now then
    return not_before(tonumber(known.open), known.why or '')
  end
elseif known.pause and tonumber(known.pause) > now then
  return not_before(tonumber(known.pause), '')
end

local room = room_at_server()
if room <= 0 then
  return answer
end
local in_minute, in_day = room_in_minute(), room_today()
if in_minute <= 0 then
  local oldest = redis.call('ZRANGE', KEYS[6], 0, 0, 'WITHSCORES')[2]
  return throttled(tonumber(oldest) + 60001, '')
end
room = math.min(room, in_minute)

-- Limits by tag: how many in flight carry it; for "prefix*" each distinct tag counts by itself.
local by_tag = next(limits.tags) ~= nil
local carried = {}

local function limit_of(tag)
  if limits.tags[tag] then
    return limits.tags[tag]
  end
  for pattern, number in pairs(limits.tags) do
    if string.sub(pattern, -1) == '*' and string.sub(tag, 1, #pattern - 1) == string.sub(pattern, 1, -2) then
      return number
    end
  end
end

local function tags_of(id)
  local data = redis.call('HGET', ARGV[1] .. id, 'data')
  return data and (cjson.decode(data).body or {}).tags or {}
end

local function carry(id)
  for _, tag in ipairs(tags_of(id)) do
    carried[tag] = (carried[tag] or 0) + 1
  end
end

local function held_by_tag(id)
  for _, tag in ipairs(tags_of(id)) do
    local most = type(tag) == 'string' and limit_of(tag)
    if most and (carried[tag] or 0) >= most then
      return true
    end
  end
  return false
end

local function bury(id, key, state)
  local fate, code = 'expired', 'expired'
  local reason = 'it could not be sent within its catch-up window' .. (known.why and ': ' .. known.why or '')
  if state.throttled or (known.throttled and tonumber(known.throttled) >= tonumber(state.recorded)) then
    fate, code, reason = 'throttled', 'throttled', 'a limit held it back for longer than its catch-up window'
  end
  redis.call('HSET', key, 'state', 'dead', 'reason', reason, 'code', code, 'ended', whole(now))
  redis.call('ZADD', KEYS[7], now, id)
  decide(ARGV[2], key, fate, reason)
  ended(KEYS[9], id, 'dead')
  tell(KEYS[8], limits.outcomes, key, 'status', 'dead', 'decision', fate, 'code', code, 'reason', reason)
end

local function dispatched(id, key)
  redis.call('HSET', key, 'state', 'dispatched', 'dispatched', whole(now))
  -- While nobody is there to hear it, it is rung ever more seldom: its messages lie in the queue and are still good.
  local unheard = math.min(tonumber(redis.call('HGET', key, 'unheard') or '0'), 4)
  redis.call('ZADD', KEYS[3], now + limits.again * 2 ^ unheard, id)
  if known.open then
    redis.call('HSET', key, 'probe', '1')
    redis.call('HINCRBY', key, 'probed', 1)
    redis.call('HSET', KEYS[4], 'open', whole(now + 30000))
    answer[4] = known.why or ''
  end
  if limits.per_minute > 0 then
    redis.call('ZADD', KEYS[6], now, id .. whole(now))
    redis.call('PEXPIRE', KEYS[6], 60000)
  end
  -- Each trigger counts once, however often it is tried.
  if limits.per_day > 0 and redis.call('HSETNX', key, 'budgeted', today) == 1 then
    in_day = in_day - 1
    redis.call('HSET', KEYS[4], 'day', today, 'used', limits.per_day - in_day)
  end
  answer[#answer + 1] = id
  room = room - 1
end

-- A sweep that is paused, or ends, keeps what of it was waiting out of the way.
local function parked(id, sweep)
  local row = redis.call('HMGET', ARGV[3] .. sweep, 'paused', 'ended')
  if not (row[1] or row[2]) then
    return false
  end
  redis.call('ZADD', ARGV[3] .. sweep .. ':parked', redis.call('ZSCORE', KEYS[2], id), id)
  redis.call('ZREM', KEYS[2], id)
  return true
end

local function consider(id)
  local key = ARGV[1] .. id
  local row = redis.call('HMGET', key, 'state', 'expires', 'throttled', 'recorded', 'budgeted', 'sweep')
  if row[1] ~= 'waiting' then
    redis.call('ZREM', KEYS[2], id)
  elseif row[2] and tonumber(row[2]) < now then
    redis.call('ZREM', KEYS[2], id)
    bury(id, key, {throttled = row[3], recorded = row[4]})
  elseif row[6] and parked(id, row[6]) then
    return 0
  elseif (in_day <= 0 and not row[5]) or (by_tag and held_by_tag(id)) then
    redis.call('HSETNX', key, 'throttled', whole(now))
    return 1
  else
    redis.call('ZREM', KEYS[2], id)
    dispatched(id, key)
    if by_tag then
      carry(id)
    end
  end
  return 0
end

if by_tag then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    carry(id)
  end
end
-- A probe is what has been one least often: the trigger may be the trouble, and must not stand for the server for ever.
local function probe()
  local found, least
  for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, 19)) do
    local times = tonumber(redis.call('HGET', ARGV[1] .. id, 'probed') or '0')
    if not least or times < least then
      found, least = id, times
    end
  end
  if found then
    consider(found)
  end
  return answer
end

if known.open then
  return probe()
end

-- What the day or a tag holds back stays where it is, and the look goes on behind it.
local skipped, looked = 0, 0
while room > 0 and looked < 2000 do
  local page = redis.call('ZRANGE', KEYS[2], skipped, skipped + math.min(room, 200) - 1)
  if #page == 0 then
    break
  end
  for _, id in ipairs(page) do
    if room > 0 then
      skipped = skipped + consider(id)
    end
  end
  looked = looked + #page
end
if in_day <= 0 and skipped > 0 then
  return throttled((tonumber(today) + 1) * 86400000, 'the budget of ' .. limits.per_day .. ' triggers for this day is used up')
end
return answer
