-- shared() is what every script begins with: the one clock, how a trigger gets on record, how the ledger learns what became
-- of it, and how its end is told: to the beat, and to whoever reads outcomes.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(number)
  return string.format('%.0f', number)
end

-- The ledger's entry for a trigger's fire time tells what became of it in the end; `reason` nil takes the old one away.
local function decide(ledger_prefix, key, decision, reason)
  local of = redis.call('HMGET', key, 'schedule', 'fire')
  if not (of[1] and of[2]) then
    return
  end
  local ledger = ledger_prefix .. of[1]
  local entry = redis.call('ZRANGEBYSCORE', ledger, of[2], of[2])[1]
  if entry then
    local plain = cjson.decode(entry)
    plain.decision = decision
    plain.reason = reason
    redis.call('ZREM', ledger, entry)
    redis.call('ZADD', ledger, of[2], cjson.encode(plain))
  end
end

-- A trigger has come to its end, or its run has. What follows from that - another try, the schedules that wait for it, an
-- alert - is seen to by the beat, from this stream; until then its schedule counts as busy.
local function ended(stream, id, fate)
  redis.call('XADD', stream, '*', 'kind', fate, 'trigger', id)
end

-- An outcome that no worker saw: which trigger it is and where it comes from, as workers tell it, then more fields and values.
local function tell(stream, most, key, ...)
  local trigger = cjson.decode(redis.call('HGET', key, 'data'))
  local about = {'trigger', trigger.id}
  for _, field in ipairs({'origin', 'schedule', 'sweep', 'trial', 'pipeline', 'run_name', 'fire_time', 'due'}) do
    if trigger[field] then
      table.insert(about, field)
      table.insert(about, type(trigger[field]) == 'number' and whole(trigger[field]) or trigger[field])
    end
  end
  local template = trigger.template or trigger.snapshot
  if template then
    table.insert(about, 'template')
    table.insert(about, template)
  end
  for _, word in ipairs({...}) do
    table.insert(about, word)
  end
  redis.call('XADD', stream, 'MAXLEN', '~', most, '*', unpack(about))
end

-- Put a trigger on record: among what is held for its overlap policy, what is not ready yet, or what is.
local function enter(trigger, key, places)
  redis.call('HSET', key, 'state', 'waiting', 'digest', trigger.digest, 'rank', trigger.rank,
             'recorded', whole(now), unpack(trigger.fields))
  if trigger.held then
    redis.call('ZADD', places.held, trigger.held, trigger.id)
  elseif tonumber(trigger.ready) > now then
    redis.call('ZADD', places.delayed, trigger.ready, trigger.id)
  else
    redis.call('ZADD', places.ready, trigger.rank, trigger.id)
  end
  redis.call('ZADD', places.triggers, whole(now), trigger.id)
end
