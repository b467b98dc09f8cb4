-- shared() is what every script begins with: the one clock, and how the ledger learns what became of a trigger.
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

