-- accept(KEYS: ready, delayed, inflight, triggers, held; ARGV: trigger prefix, most that may wait or 0, keep ms, request)
--   -> {"ok", answer per trigger ...}: 1 recorded, or the JSON of the trigger that is on record already
--      {"known", number, JSON}: that trigger's id is on record with another content
--      {"full", queue number or 0 for the server's, how many wait}
--
-- Triggers that a person or program asked for are recorded together or not at all, and only while there is room for them.
--
-- request: JSON {triggers: [{id, ready, rank, digest, fields: [field, value, ...], queues: [queue number, ...]}],
--                queues: [{key, most}],
--                commands: [[command, key, argument, ...]]}   -- plain writes that go with what is new
local request = cjson.decode(ARGV[4])

local function trigger_key(id)
  return ARGV[1] .. id
end

-- What is on record already, of this request or an earlier one; and how many are new in each queue.
local function compare()
  local seen, news, list, added = {}, {}, {}, {}
  for number, trigger in ipairs(request.triggers) do
    local known = seen[trigger.id] or redis.call('HGET', trigger_key(trigger.id), 'digest')
    if known and known ~= trigger.digest then
      return nil, {'known', number, redis.call('HGET', trigger_key(trigger.id), 'data') or ''}
    end
    if not known then
      news[number] = true
      list[#list + 1] = trigger
      for _, queue in ipairs(trigger.queues) do
        added[queue] = (added[queue] or 0) + 1
      end
    end
    seen[trigger.id] = trigger.digest
  end
  return {news = news, list = list, added = added}
end

local going_on = {waiting = true, dispatched = true, claimed = true}

-- Take what is on its way no more out of a queue: nobody does so when it ends. Those that still wait go to the back, so
-- that the next look is at others.
local function look_through(key)
  local looked, waiting = 0, 0
  while looked < 5000 and waiting < 500 do
    local ids = redis.call('ZRANGE', key, 0, 99)
    for _, id in ipairs(ids) do
      if going_on[redis.call('HGET', trigger_key(id), 'state') or ''] then
        waiting = waiting + 1
        redis.call('ZADD', key, whole(now), id)
      else
        redis.call('ZREM', key, id)
      end
    end
    if #ids < 100 then
      return
    end
    looked = looked + #ids
  end
end

local function full(fresh)
  local most = tonumber(ARGV[2])
  local waiting = redis.call('ZCARD', KEYS[1]) + redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3])
  if most > 0 and #fresh.list > 0 and waiting + #fresh.list > most then
    return {'full', 0, waiting}
  end
  for number, queue in ipairs(request.queues) do
    local added = fresh.added[number] or 0
    if added > 0 and redis.call('ZCARD', queue.key) + added > queue.most then
      look_through(queue.key)
      local found = redis.call('ZCARD', queue.key)
      if found + added > queue.most then
        return {'full', number, found}
      end
    end
  end
end

local fresh, refused = compare()
refused = refused or full(fresh)
if refused then
  return refused
end
for _, trigger in ipairs(fresh.list) do
  enter(trigger, trigger_key(trigger.id), {ready = KEYS[1], delayed = KEYS[2], triggers = KEYS[4], held = KEYS[5]})
  for _, queue in ipairs(trigger.queues) do
    redis.call('ZADD', request.queues[queue].key, whole(now), trigger.id)
  end
end
for _, queue in ipairs(request.queues) do
  redis.call('PEXPIRE', queue.key, ARGV[3])
end
if #fresh.list > 0 then
  for _, command in ipairs(request.commands) do
    redis.call(unpack(command))
  end
end
local answer = {'ok'}
for number, trigger in ipairs(request.triggers) do
  answer[number + 1] = fresh.news[number] and 1 or redis.call('HGET', trigger_key(trigger.id), 'data')
end
return answer
