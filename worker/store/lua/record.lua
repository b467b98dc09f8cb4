-- record(KEYS: leader, cursors, ready, delayed, triggers, outcomes, spans, held, going, dead;
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
--    ledger,                                      -- whose ledger the entries go to, where its cursor is not moved
--    entries: [{fire, ledger,                     -- fire: epoch ms as text; ledger: text; both for schedules only
--               anew,                             -- what never had a run may have it now: "own" or "apart"
--               outcome: [field, value, ...],     -- for what did not fire
--               trigger: {id, ready, rank, digest, sweep, schedule, held, fields: [field, value, ...]}}]}
--                                                -- held: due, epoch ms; the overlap policy has the next word (admit)

local without_run = {skipped = true, cancelled = true, discarded = true, dead = true}

local function decision(ledger, fire)
  local entry = redis.call('ZRANGEBYSCORE', ledger, fire, fire)[1]
  return entry and cjson.decode(entry)
end

-- Whether a fire time has its run by another trigger: it is part of that run, or was made up for under another name.
local function ran_elsewhere(entry, ledger)
  local known = decision(ledger, entry.fire)
  if not known or known.trigger == entry.trigger.id then
    return false
  end
  if known.decision ~= 'coalesced' and not (known.decision == 'fired' and known.trigger) then
    return false
  end
  return not (known.trigger and without_run[redis.call('HGET', ARGV[2] .. known.trigger, 'state') or ''])
end

local function known_already(trigger, answer)
  if trigger.sweep then
    redis.call('HINCRBY', ARGV[4] .. trigger.sweep, 'known', 1)
  end
  return answer
end

-- Clear away what never had a run. The server may remember its requests: the next one is of another generation.
local function clear(trigger, key)
  trigger.fields[#trigger.fields + 1] = 'generation'
  trigger.fields[#trigger.fields + 1] = tonumber(redis.call('HGET', key, 'generation') or '0') + 1
  redis.call('DEL', key)
  redis.call('ZREM', KEYS[10], trigger.id)
  if trigger.schedule then
    redis.call('ZREM', KEYS[9], trigger.schedule .. '|' .. trigger.id)
  end
end

local function put(entry, ledger)
  local trigger = entry.trigger
  local key = ARGV[2] .. trigger.id
  local known = redis.call('HMGET', key, 'digest', 'state')
  if known[1] and not (entry.anew and without_run[known[2]]) then
    return known_already(trigger, known[1] == trigger.digest and 0 or -1)
  elseif entry.anew == 'own' and ran_elsewhere(entry, ledger) then
    return known_already(trigger, 0)
  elseif known[1] then
    clear(trigger, key)
  end
  enter(trigger, key, {ready = KEYS[3], delayed = KEYS[4], triggers = KEYS[5], held = KEYS[8]})
  if trigger.schedule and not trigger.held and not trigger.sweep then
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
  if result == 1 then
    return entry.ledger
  end
  local plain = cjson.decode(entry.ledger)
  plain.decision = 'deduplicated'
  plain.reason = 'its trigger was on record already'
  return cjson.encode(plain)
end

local made_up_for = {fired = true, deduplicated = true, coalesced = true}

-- Write the decision for a fire time down, if it is news: what is considered once more and has its decision is none. Gives
-- whether it was decided before.
local function note(entry, ledger, result)
  local known = decision(ledger, entry.fire)
  -- What a clock that was ahead had decided gives way to what is really done; so does that nothing was.
  local gives_way = result == 1 or (not result and entry.anew and known and not made_up_for[known.decision])
  if known and not gives_way then
    return true
  end
  redis.call('ZREMRANGEBYSCORE', ledger, entry.fire, entry.fire)
  redis.call('ZADD', ledger, entry.fire, result and told(entry, result) or entry.ledger)
  redis.call('ZREMRANGEBYRANK', ledger, 0, -tonumber(ARGV[5]) - 1)
  return false
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
  local ledger = ARGV[3] .. (item.name or item.ledger or '')
  for _, entry in ipairs(item.entries) do
    local result = entry.trigger and put(entry, ledger)
    results[#results + 1] = result or nil
    local decided = entry.ledger and note(entry, ledger, result)
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
