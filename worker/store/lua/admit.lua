-- admit(KEYS: held, going, ready, delayed, inflight, following, paused, dead, outcomes, events, cursors;
--       ARGV: trigger prefix, ledger prefix, keep ms, outcomes max, most that wait)
--   -> {epoch ms of the next that comes due or -1, number let through, schedule of each that was skipped ...}
-- The overlap policies. A trigger of a schedule with one is held until it is due; then, while a run of its schedule is
-- going on, it is skipped, or waits for its turn, or has that run stopped. A run is going on from when its trigger is let
-- through until what follows from its end is on record. One trigger of a schedule is let through at a time.
local answer = {-1, 0}
local going, before = {}, {}

-- What is going on for a schedule: trigger ids.
local function others(schedule)
  if not going[schedule] then
    going[schedule] = {}
    for _, member in ipairs(redis.call('ZRANGEBYLEX', KEYS[2], '[' .. schedule .. '|', '(' .. schedule .. '}')) do
      table.insert(going[schedule], string.sub(member, #schedule + 2))
    end
  end
  return going[schedule]
end

-- What does not run does not count for `max_runs`.
local function give_back(schedule)
  local at, revision, taken = string.match(redis.call('HGET', KEYS[11], schedule) or '', '^(%d+)|(.*)|(%d+)$')
  if at and tonumber(taken) > 0 then
    redis.call('HSET', KEYS[11], schedule, at .. '|' .. revision .. '|' .. whole(taken - 1))
  end
  answer[#answer + 1] = schedule
end

local function put_away(trigger, decision, reason)
  redis.call('ZREM', KEYS[1], trigger.id)
  redis.call('HSET', trigger.key, 'state', 'skipped', 'reason', reason, 'ended', whole(now))
  redis.call('PEXPIRE', trigger.key, ARGV[3])
  tell(KEYS[9], ARGV[4], trigger.key, 'status', 'skipped', 'decision', decision, 'reason', reason)
end

local function skip(trigger, decision, reason)
  put_away(trigger, decision, reason)
  decide(ARGV[2], trigger.key, decision, reason)
  give_back(trigger.schedule)
end

local function bury(trigger)
  local reason = 'the run before it was still going on when its catch-up window ended'
  redis.call('ZREM', KEYS[1], trigger.id)
  redis.call('HSET', trigger.key, 'state', 'dead', 'reason', reason, 'code', 'expired', 'ended', whole(now))
  redis.call('ZADD', KEYS[8], now, trigger.id)
  decide(ARGV[2], trigger.key, 'expired', reason)
  ended(KEYS[10], trigger.id, 'dead')
  tell(KEYS[9], ARGV[4], trigger.key, 'status', 'dead', 'decision', 'expired', 'reason', reason)
end

local function let_through(trigger)
  redis.call('ZREM', KEYS[1], trigger.id)
  redis.call('ZADD', KEYS[3], trigger.rank, trigger.id)
  redis.call('ZADD', KEYS[2], 0, trigger.schedule .. '|' .. trigger.id)
  table.insert(others(trigger.schedule), trigger.id)
  answer[2] = answer[2] + 1
end

-- In words: what is in the way.
local function why(ids)
  local row = redis.call('HMGET', ARGV[1] .. ids[1], 'run_id', 'state')
  if row[1] then
    return 'run ' .. row[1] .. ' of this schedule was still going on'
  end
  return 'trigger ' .. ids[1] .. ' of this schedule was still ' .. (row[2] or 'there')
end

-- What has not been sent goes at once; a run is stopped by the watcher; what a worker holds may be sent, and is seen to
-- when that is known.
local function stop(id, newer)
  local key = ARGV[1] .. id
  local row = redis.call('HMGET', key, 'state', 'unclear', 'schedule', 'stopping', 'attempt')
  if row[1] == 'started' and not row[4] then
    redis.call('HSET', key, 'stopping', 'a newer fire of its schedule takes its place')
    redis.call('ZADD', KEYS[6], 'XX', 0, id)  -- before all that is only looked at
  elseif (row[1] == 'waiting' or row[1] == 'dispatched') and row[2] ~= '1' then
    local reason = 'trigger ' .. newer .. ', a newer one of its schedule, took its place'
    for index = 3, 5 do
      redis.call('ZREM', KEYS[index], id)
    end
    ended(KEYS[10], id, 'cancelled')
    -- A fire whose run is to be started again has had one: that stays what became of it.
    local away = row[5] and put_away or skip
    away({id = id, key = key, schedule = row[3]}, 'skipped_overlap', reason)
  end
end

local function wait(trigger, most)
  local ahead = before[trigger.schedule] or 0
  if ahead >= most then
    skip(trigger, 'skipped_overlap', why(others(trigger.schedule)) .. ', and ' .. ahead .. ' waited already')
  else
    before[trigger.schedule] = ahead + 1
  end
end

local function take_over(trigger)
  for _, id in ipairs(others(trigger.schedule)) do
    stop(id, trigger.id)
  end
end

-- A pause that has ended by itself stays on record until the beat takes it away.
local function paused(schedule)
  local pause = redis.call('HGET', KEYS[7], schedule)
  if not pause then
    return false
  end
  local ends = cjson.decode(pause).ends
  return not ends or now < ends
end

local newest = {}

local function consider(trigger)
  local busy = #others(trigger.schedule) > 0
  if paused(trigger.schedule) then
    skip(trigger, 'skipped_paused', 'the schedule was paused while it waited')
  elseif trigger.expires and tonumber(trigger.expires) < now then
    bury(trigger)
  elseif trigger.overlap == 'cancel_other' and newest[trigger.schedule] ~= trigger.id then
    skip(trigger, 'skipped_overlap', 'trigger ' .. newest[trigger.schedule] .. ', a newer one of its schedule, took its place')
  elseif not busy then
    let_through(trigger)
  elseif trigger.overlap == 'buffer_one' then
    wait(trigger, 1)
  elseif trigger.overlap == 'buffer_all' then
    wait(trigger, tonumber(ARGV[5]))
  elseif trigger.overlap == 'cancel_other' then
    take_over(trigger)
  else
    skip(trigger, 'skipped_overlap', why(others(trigger.schedule)))
  end
end

local due = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  local key = ARGV[1] .. id
  local row = redis.call('HMGET', key, 'state', 'schedule', 'overlap', 'rank', 'expires')
  if row[1] == 'waiting' and row[2] then
    due[#due + 1] = {id = id, key = key, schedule = row[2], overlap = row[3], rank = row[4], expires = row[5]}
    newest[row[2]] = id
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
for _, trigger in ipairs(due) do
  consider(trigger)
end

local later = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. whole(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
answer[1] = later[2] and tonumber(later[2]) or -1
return answer
