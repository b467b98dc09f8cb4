-- settle(KEYS: ready, delayed, inflight, dead, outcomes, limit;
--        ARGV: trigger prefix, sweep prefix, token, keep ms, outcomes max, ceiling, first window, quick answers, results)
--   -> one per result: 1 written, 0 not ours to write any more, or written already
-- What became of claimed triggers. A run that exists is believed also from a holder whose claim ran out: truth wins.
-- Everything else needs the claim, and ends it, so that applying it twice does nothing.
--
-- results: JSON list of {id, status: started|retrying|dead, ready: epoch ms as text (retrying), capacity: true|nil,
--                        fields: [field, value, ...], outcome: [field, value, ...]}
--
-- How many launches the server takes is learnt as TCP learns it: every quick answer widens the window by one until the
-- threshold, then by 1/window; a refusal for capacity halves it, at most once a second, and sets the threshold there.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local refused = false

local function finish(key, result, before)
  redis.call('HSET', key, 'state', result.status, 'ended', string.format('%.0f', now))
  redis.call('ZREM', KEYS[1], result.id)
  redis.call('ZREM', KEYS[2], result.id)
  redis.call('ZREM', KEYS[4], result.id)
  if result.status == 'dead' then
    redis.call('ZADD', KEYS[4], now, result.id)
  else
    redis.call('PEXPIRE', key, ARGV[4])
  end
  local sweep = redis.call('HGET', key, 'sweep')
  if sweep then
    local ended = before == 'dead' or before == 'cancelled'
    redis.call('HINCRBY', ARGV[2] .. sweep, ended and before or 'open', -1)
    redis.call('HINCRBY', ARGV[2] .. sweep, result.status, 1)
  end
end

local function again(key, result)
  redis.call('HSET', key, 'state', 'waiting')
  redis.call('ZADD', KEYS[2], result.ready, result.id)
end

local function write(result)
  local key = ARGV[1] .. result.id
  local known = redis.call('HMGET', key, 'state', 'token')
  local mine = known[1] == 'claimed' and known[2] == ARGV[3]
  refused = refused or (mine and result.capacity)
  local gone = known[1] == 'started' or known[1] == 'discarded' or not known[1]
  if gone or not (mine or result.status == 'started') then
    return 0
  end
  if #result.fields > 0 then
    redis.call('HSET', key, unpack(result.fields))
  end
  redis.call('HDEL', key, 'token')
  redis.call('ZREM', KEYS[3], result.id)
  if result.status == 'retrying' then
    again(key, result)
  else
    finish(key, result, known[1])
  end
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[5], '*', unpack(result.outcome))
  return 1
end

local function learn(quick)
  local known = redis.call('HMGET', KEYS[6], 'window', 'threshold', 'shrunk')
  local ceiling = tonumber(ARGV[6])
  local window = tonumber(known[1] or ARGV[7])
  local threshold = tonumber(known[2] or ARGV[6])
  if refused then
    if now - tonumber(known[3] or '0') < 1000 then
      return
    end
    window = math.max(1, window / 2)
    redis.call('HSET', KEYS[6], 'window', tostring(window), 'threshold', tostring(window), 'shrunk', string.format('%.0f', now))
    return
  end
  if quick == 0 then
    return
  end
  if window < threshold then
    window = window + quick
  else
    window = window + quick / window
  end
  redis.call('HSET', KEYS[6], 'window', tostring(math.min(window, ceiling)))
end

local answers = {}
for index, result in ipairs(cjson.decode(ARGV[9])) do
  answers[index] = write(result)
end
learn(tonumber(ARGV[8]))
return answers
