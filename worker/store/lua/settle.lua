-- settle(KEYS: ready, delayed, inflight, dead, outcomes, limit, holding, events, following, runs, feed,
--             going;
--        ARGV: trigger prefix, ledger prefix, sweep prefix, token, keep ms, outcomes max, ceiling, first window,
--              quick answers, results)
--   -> one per result: 1 written, 0 not ours to write any more, or written already
-- What became of claimed triggers. A run that exists is believed also from a holder whose claim ran out: truth wins.
-- Everything else needs the claim, and ends it, so that applying it twice does nothing.
--
-- results: JSON list of {id, status: started|retrying|dead, wait: ms (retrying), decision (dead),
--                        capacity: true|nil, trouble: "down"|"denied"|nil, why, adopted: true|nil,
--                        run, project, changed: when the run changed last by ZenML's clock, epoch ms (all three: started),
--                        fields: [field, value, ...], outcome: [field, value, ...]}
local results = cjson.decode(ARGV[10])
local refused, accepted = false, 0

local function finish(key, result, before)
  redis.call('HSET', key, 'state', result.status, 'ended', whole(now))
  redis.call('ZREM', KEYS[1], result.id)
  redis.call('ZREM', KEYS[2], result.id)
  redis.call('ZREM', KEYS[4], result.id)
  if result.status == 'dead' then
    redis.call('ZADD', KEYS[4], now, result.id)
    decide(ARGV[2], key, result.decision, result.why)
    ended(KEYS[8], result.id, 'dead')
  else
    -- From here on its run is followed; nothing of it is forgotten before that has ended.
    redis.call('PERSIST', key)
    -- Why an attempt before it failed is told by the outcomes; of what has its run, it is not true any more.
    redis.call('HDEL', key, 'reason', 'code')
    redis.call('HSET', key, 'accepted', whole(now), 'changed', result.changed)
    redis.call('ZADD', KEYS[9], now, result.id)
    redis.call('HSET', KEYS[10], result.run, result.id)
    redis.call('HSETNX', KEYS[11], result.project, result.changed)
    if before == 'dead' then
      decide(ARGV[2], key, 'fired', nil)
    end
  end
  local schedule, sweep = unpack(redis.call('HMGET', key, 'schedule', 'sweep'))
  if sweep then
    local over = before == 'dead' or before == 'cancelled'
    redis.call('HINCRBY', ARGV[3] .. sweep, over and before or 'open', -1)
    redis.call('HINCRBY', ARGV[3] .. sweep, result.status, 1)
  end
  -- What a backfill starts does not keep its schedule busy.
  local group = sweep and 'sweep:' .. sweep or schedule
  if group and result.status == 'started' then
    redis.call('ZADD', KEYS[12], 0, group .. '|' .. result.id)
  end
end

local function again(key, result)
  redis.call('HSET', key, 'state', 'waiting')
  -- When the server itself is the reason, the limiter or the breaker says when: all go when it is well again.
  if result.capacity or (result.trouble and redis.call('HEXISTS', KEYS[6], 'open') == 1) then
    redis.call('ZADD', KEYS[1], redis.call('HGET', key, 'rank'), result.id)
  else
    redis.call('ZADD', KEYS[2], now + result.wait, result.id)
  end
end

local function write(result)
  local key = ARGV[1] .. result.id
  local known = redis.call('HMGET', key, 'state', 'token')
  local mine = known[1] == 'claimed' and known[2] == ARGV[4]
  -- A run is believed also for a trigger that was given up meanwhile, but not for one that has its run, or was thrown away.
  local open = {waiting = true, dispatched = true, claimed = true, dead = true, cancelled = true}
  if not open[known[1]] or not (mine or result.status == 'started') then
    return 0
  end
  refused = refused or result.capacity
  if #result.fields > 0 then
    redis.call('HSET', key, unpack(result.fields))
  end
  redis.call('HDEL', key, 'token', 'probe')
  redis.call('ZREM', KEYS[3], result.id)
  if result.status == 'retrying' then
    again(key, result)
  else
    finish(key, result, known[1])
  end
  if result.status == 'started' and not result.adopted then
    accepted = accepted + 1
    redis.call('ZADD', KEYS[7], now + 600000, result.id)
  end
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[6], '*', unpack(result.outcome))
  return 1
end

-- Breaker. One answer that is about the trigger shows that the server is there; five in a row without one, or a login
-- that is refused, stop everything but a probe now and then.
local function guard()
  local well, down, denied = false, 0, nil
  for _, result in ipairs(results) do
    if result.trouble == 'denied' then
      denied = result
    elseif result.trouble == 'down' then
      down = down + 1
      denied = denied or result
    else
      well = true
    end
  end
  if well then
    redis.call('HDEL', KEYS[6], 'failures', 'open', 'backoff', 'why')
    return
  end
  if not denied then
    return
  end
  local failures = redis.call('HINCRBY', KEYS[6], 'failures', denied.trouble == 'denied' and 5 or down)
  if failures >= 5 then
    local backoff = math.min(tonumber(redis.call('HGET', KEYS[6], 'backoff') or '500') * 2, 15000)
    redis.call('HSET', KEYS[6], 'open', whole(now + backoff), 'backoff', backoff, 'why', denied.why)
  end
end

-- How much the server takes at once. Before it ever refused, every quick answer widens the window by one until the
-- threshold, then by 1/window. A launch holds its slot beyond its answer, until its submission is through; so once it
-- refused, what is held counts as well, and the window is what was held then (release). From there on it is widened by
-- one, to see, after so many launches that filled it without a refusal. Each time in vain, the next try is twice as far
-- away; after one that held, the next comes soon: somebody else's launches, or a refusal by chance, do not keep it small.
local function used()
  return redis.call('ZCOUNT', KEYS[7], now, '+inf') + redis.call('ZCARD', KEYS[3])
end

local function shrink(known)
  local window = known.window
  if not known.capped then
    window = math.max(1, window / 2)
    redis.call('HSET', KEYS[6], 'learning', '1')
  elseif known.tried then
    window = math.max(1, window - 1)
    redis.call('HSET', KEYS[6], 'patience', math.min(math.max(known.patience, 20) * 2, 80))
    redis.call('HDEL', KEYS[6], 'tried')
  elseif not known.learning then
    -- A slot that looked free was not, or somebody else has it: wait a little, longer each time; and when it goes on
    -- like this, the server takes less than it did.
    if known.paused then
      window = math.max(1, math.min(used(), window))
      redis.call('HSET', KEYS[6], 'patience', math.floor(3 * window))
    end
    local pause = math.min((known.paused or 125) * 2, 5000)
    redis.call('HSET', KEYS[6], 'pause', whole(now + pause), 'paused', pause)
  end
  redis.call('HSET', KEYS[6], 'capped', '1', 'window', window, 'threshold', window, 'accepted', '0')
end

local function widen(known, quick)
  if not known.capped then
    local step = known.window < known.threshold and quick or quick / known.window
    -- The first steps are as small as can be: a server that takes two at once is known after one refusal.
    local window = known.window + (known.window < 5 and math.min(accepted, 1) or step)
    redis.call('HSET', KEYS[6], 'window', math.min(window, tonumber(ARGV[7])))
    return
  end
  if accepted == 0 then
    return
  end
  redis.call('HDEL', KEYS[6], 'pause', 'paused')
  if used() < math.floor(known.window) then
    return  -- there was no need for all of it: nothing is learnt
  end
  local count = redis.call('HINCRBY', KEYS[6], 'accepted', accepted)
  if known.tried and count > 2 * known.window then
    redis.call('HDEL', KEYS[6], 'tried')
    redis.call('HSET', KEYS[6], 'patience', math.floor(3 * known.window))
  elseif count >= known.patience and known.window < tonumber(ARGV[7]) then
    redis.call('HSET', KEYS[6], 'window', known.window + 1, 'tried', '1', 'accepted', '0')
  end
end

local function learn(quick)
  local row = redis.call('HMGET', KEYS[6], 'window', 'threshold', 'capped', 'learning', 'tried', 'patience', 'paused')
  local known = {
    window = tonumber(row[1] or ARGV[8]),
    threshold = tonumber(row[2] or ARGV[7]),
    capped = row[3],
    learning = row[4],
    tried = row[5],
    patience = tonumber(row[6] or '40'),
    paused = tonumber(row[7]),
  }
  if refused then
    shrink(known)
  elseif quick > 0 or accepted > 0 then
    widen(known, quick)
  end
  if not known.capped and not refused then
    redis.call('ZREMRANGEBYRANK', KEYS[7], 0, -65)
  end
end

guard()
local answers = {}
for index, result in ipairs(results) do
  answers[index] = write(result)
end
learn(tonumber(ARGV[9]))
return answers
