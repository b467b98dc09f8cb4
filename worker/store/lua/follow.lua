-- follow(KEYS: following, runs, outcomes, events, over;
--        ARGV: trigger prefix, ledger prefix, keep ms, outcomes max, looks)
--   -> one per look: 1 the run has ended, 0 it goes on, -1 it is not followed (any more)
-- What a look at a run has shown. Only the first that sees its end writes it down, so that applying it twice does nothing.
--
-- looks: JSON list of {id, status, wait: ms until the next look, verified: true|nil, stop: ms since the epoch|nil,
--                      fate, reason, ended: epoch ms as text (all three when it has ended),
--                      fields: [field, value, ...], outcome: [field, value, ...]}

-- The ledger tells of each run of a fire how it ended: a run that failed may have been started again.
local function chain(key, look)
  local of = redis.call('HMGET', key, 'schedule', 'fire', 'run_id')
  if not (of[1] and of[2]) then
    return
  end
  local ledger = ARGV[2] .. of[1]
  local entry = redis.call('ZRANGEBYSCORE', ledger, of[2], of[2])[1]
  if entry then
    local plain = cjson.decode(entry)
    plain.runs = plain.runs or {}
    plain.runs[#plain.runs + 1] = {trigger = look.id, run = of[3], fate = look.fate, reason = look.reason}
    redis.call('ZREM', ledger, entry)
    redis.call('ZADD', ledger, of[2], cjson.encode(plain))
  end
end

local function finish(key, look)
  redis.call('HSET', key, 'state', look.fate, 'run_ended', look.ended)
  if look.reason then
    redis.call('HSET', key, 'reason', look.reason)
  end
  redis.call('PEXPIRE', key, ARGV[3])
  redis.call('ZREM', KEYS[1], look.id)
  local run = redis.call('HGET', key, 'run_id')
  redis.call('HDEL', KEYS[2], run)
  redis.call('ZADD', KEYS[5], now, run)
  chain(key, look)
  ended(KEYS[4], look.id, look.fate)
end

local function write(look)
  local key = ARGV[1] .. look.id
  local known = redis.call('HMGET', key, 'state', 'run_status')
  if known[1] ~= 'started' then
    redis.call('ZREM', KEYS[1], look.id)
    return -1
  end
  redis.call('HSET', key, 'run_status', look.status, unpack(look.fields or {}))
  if look.verified then
    redis.call('HSET', key, 'verified', whole(now))
  end
  if look.stop then
    redis.call('HSET', key, 'stop_asked', look.stop)
  else
    redis.call('HDEL', key, 'changed')
  end
  -- That it has come so far is told by who sees it first.
  if look.outcome and (look.fate or known[2] ~= look.status) then
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], '*', unpack(look.outcome))
  end
  if look.fate then
    finish(key, look)
    return 1
  end
  redis.call('ZADD', KEYS[1], 'XX', now + look.wait, look.id)
  return 0
end

local answers = {}
for index, look in ipairs(cjson.decode(ARGV[5])) do
  answers[index] = write(look)
end
return answers
