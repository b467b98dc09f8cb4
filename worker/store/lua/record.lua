-- record(KEYS: leader, cursors, ready, delayed, triggers, outcomes, spans, held, going;
--        ARGV: "epoch:beat id" or "", trigger prefix, ledger prefix, sweep prefix, ledger max, outcomes max, items)
--   -> one list per item: {-1} no longer the leader, {0} somebody else moved on meanwhile, or
--      {1, result per trigger ...} with result 1 recorded, 0 known already, -1 known with another content
--
-- A trigger, its ledger entry and the cursor of its schedule are written together or not at all; so are the trials of
-- a sweep and the number of the next one. Who writes for the scheduler gives its fence: a beat that was stopped and
-- wakes up when another one leads writes nothing.
--
-- items: JSON list of
--   {name, expected, cursor,                      -- schedules only; expected "" means: the cursor must not exist yet
--    take: [command, key, argument, ...],         -- what is seen to by this: it must still be there to be taken away
--    commands: [[command, key, argument, ...]],   -- plain writes that go with it
--    begun,                                       -- schedules only: why they are considered anew from this cursor on
--    sweep, expected, cursor,                     -- sweeps only: the number of the next trial, before and after
--    entries: [{fire, ledger,                     -- fire: epoch ms as text; ledger: text; both for schedules only
--               outcome: [field, value, ...],     -- for what did not fire
--               trigger: {id, ready, rank, digest, sweep, schedule, held, fields: [field, value, ...]}}]}
--                                                -- held: due, epoch ms; the overlap policy has the next word (admit)

local function put(trigger)
  local key = ARGV[2] .. trigger.id
  local digest = redis.call('HGET', key, 'digest')
  if digest then
    return digest == trigger.digest and 0 or -1
  end
  redis.call('HSET', key, 'state', 'waiting', 'digest', trigger.digest, 'rank', trigger.rank,
             'recorded', whole(now), unpack(trigger.fields))
  if trigger.held then
    redis.call('ZADD', KEYS[8], trigger.held, trigger.id)
  elseif tonumber(trigger.ready) > now then
    redis.call('ZADD', KEYS[4], trigger.ready, trigger.id)
  else
    redis.call('ZADD', KEYS[3], trigger.rank, trigger.id)
  end
  redis.call('ZADD', KEYS[5], whole(now), trigger.id)
  if trigger.schedule and not trigger.held then
    redis.call('ZADD', KEYS[9], 0, trigger.schedule .. '|' .. trigger.id)
  end
  if trigger.sweep then
    redis.call('HINCRBY', ARGV[4] .. trigger.sweep, 'open', 1)
  end
  return 1
end

-- Whether nobody has moved on meanwhile, and what this item sees to is still there; if so, it is taken away, and the cursor
-- moved.
local function move_on(item)
  local hash, field = KEYS[2], item.name
  if item.sweep then
    hash, field = ARGV[4] .. item.sweep, 'next'
  end
  if field and (redis.call('HGET', hash, field) or '') ~= item.expected then
    return false
  end
  if item.take and redis.call(unpack(item.take)) == 0 then
    return false
  end
  if field then
    redis.call('HSET', hash, field, item.cursor)
  end
  return true
end

-- What was considered without a break is a span; only its beginning is written down, with what led to it. It reaches to
-- the cursor, which nobody moves but from where it was; so spans join but where one begins anew, and there it says why.
local function begin(item)
  local spans = cjson.decode(redis.call('HGET', KEYS[7], item.name) or '[]')
  if #spans > 0 then
    spans[#spans].till = string.match(item.expected, '^%d+')
  end
  spans[#spans + 1] = {from = string.match(item.cursor, '^%d+'), why = item.begun}
  if #spans > 20 then
    table.remove(spans, 1)
  end
  redis.call('HSET', KEYS[7], item.name, cjson.encode(spans))
end

-- A trigger that was on record already is not started again, and the ledger says so.
local function told(entry, result)
  if result ~= 0 then
    return entry.ledger
  end
  local plain = cjson.decode(entry.ledger)
  plain.decision = 'deduplicated'
  plain.reason = 'its trigger was on record already'
  return cjson.encode(plain)
end

local function write(item)
  if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return {-1}
  end
  if not move_on(item) then
    return {0}
  end
  for _, command in ipairs(item.commands or {}) do
    redis.call(unpack(command))
  end
  if item.begun then
    begin(item)
  end
  local results = {1}
  for _, entry in ipairs(item.entries) do
    if entry.trigger then
      results[#results + 1] = put(entry.trigger)
    end
    -- What is considered once more and has its decision is no news.
    local decided = false
    if entry.ledger then
      local ledger = ARGV[3] .. item.name
      -- What a clock that was ahead had decided gives way to what is really done.
      if entry.trigger and results[#results] == 1 then
        redis.call('ZREMRANGEBYSCORE', ledger, entry.fire, entry.fire)
      end
      if redis.call('ZCOUNT', ledger, entry.fire, entry.fire) == 0 then
        redis.call('ZADD', ledger, entry.fire, entry.trigger and told(entry, results[#results]) or entry.ledger)
        redis.call('ZREMRANGEBYRANK', ledger, 0, -tonumber(ARGV[5]) - 1)
      else
        decided = true
      end
    end
    if entry.outcome and not decided then
      redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[6], '*', unpack(entry.outcome))
    end
  end
  return results
end

local answers = {}
for index, item in ipairs(cjson.decode(ARGV[7])) do
  answers[index] = write(item)
end
return answers
