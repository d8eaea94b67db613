-- redis-lua.
--
-- Arguments: port, "proxy" or "control", cells. Prints of each cell how it went; one that is not in
-- the table is one that the library has no use for.
local redis = require 'redis'
local port = tonumber(arg[1])

local function client() return redis.connect('127.0.0.1', port) end

local function text(value)
  if type(value) ~= 'table' then return tostring(value) end
  local words = {}
  for _, word in ipairs(value) do words[#words + 1] = text(word) end
  return '{' .. table.concat(words, ', ') .. '}'
end

local function expect(what, found, wanted)
  if text(found) ~= text(wanted) then
    error(what .. ': ' .. text(found) .. ' instead of ' .. text(wanted), 0)
  end
end

-- Runs a shell command of redis' tools a while from now.
local function later(seconds, words)
  os.execute(string.format('(sleep %s; redis-cli -p %d %s) >/dev/null 2>&1 &', seconds, port, words))
end

local cells = {
  connect = function() expect('PING', client():ping(), true) end,
  ['get-set'] = function()
    local c = client()
    expect('GET of nothing', c:get('absent'), nil)
    for n = 1, 100 do
      expect('SET', c:set('k' .. n, 'v' .. n), true)
      expect('GET', c:get('k' .. n), 'v' .. n)
    end
    c:hset('h', 'a', 1)
    expect('HGETALL', c:hgetall('h').a, '1')
  end,
  ['many-keys'] = function()
    local c, keys, pairs_, upper = client(), {}, {}, {}
    for n = 1, 100 do
      keys[n] = 'many' .. n
      upper[n] = 'MANY' .. n
      pairs_[keys[n]] = upper[n]
    end
    expect('MSET', c:mset(pairs_), true)
    expect('MGET', c:mget(keys), upper)
    expect('DEL', c:del(keys), 100)
  end,
  pipeline = function()
    local answers = client():pipeline(function(p)
      for n = 1, 500 do
        p:set('p' .. n, n)
        p:get('p' .. n)
      end
    end)
    expect('how many', #answers, 1000)
    for n = 1, 500 do expect('an answer', answers[2 * n], tostring(n)) end
  end,
  transaction = function()
    local c = client()
    local answers = c:transaction(function(t)
      t:set('{t}a', 1)
      t:incr('{t}b')
    end)
    expect('EXEC', answers, { true, 1 })
    local options = { watch = { '{t}a' }, cas = true, retry = 0 }
    local went = pcall(c.transaction, c, options, function(t)
      client():set('{t}a', 3)
      t:multi()
      t:set('{t}a', 4)
    end)
    expect('EXEC after a change', went, false)
    expect('the value', client():get('{t}a'), '3')
  end,
  pubsub = function()
    local heard, answers = {}, client()
    later(0.3, 'publish news to-news')
    later(0.5, 'publish pattern.1 to-pattern')
    for message, abort in answers:pubsub({ subscribe = { 'news' }, psubscribe = { 'pattern.*' } }) do
      if message.kind == 'message' or message.kind == 'pmessage' then heard[#heard + 1] = message.payload end
      if #heard == 2 then abort() end
    end
    expect('messages', heard, { 'to-news', 'to-pattern' })
  end,
  scan = function()
    local c, seen, count, cursor = client(), {}, 0, '0'
    c:pipeline(function(p) for n = 1, 2000 do p:set('scan:' .. n, n) end end)
    repeat
      local answer = c:scan(cursor, { match = 'scan:*', count = 300 })
      cursor = tostring(answer[1])
      for _, key in ipairs(answer[2]) do
        if not seen[key] then seen[key], count = true, count + 1 end
      end
    until cursor == '0'
    expect('keys seen', count, 2000)
  end,
  blocking = function()
    local c = client()
    expect('BLPOP of nothing', c:blpop('queue', 1), nil)
    later(0.2, 'rpush queue job')
    expect('BLPOP', c:blpop('queue', 5), { 'queue', 'job' })
  end,
  script = function()
    local c, script = client(), "return redis.call('INCR', KEYS[1])"
    for n = 1, 30 do expect('EVAL', c:eval(script, 1, 'script' .. n), 1) end
    local hash = c:script('load', script)
    for n = 1, 30 do expect('EVALSHA', c:evalsha(hash, 1, 'script' .. n), 2) end
  end,
  databases = function()
    local one, zero = client(), client()
    expect('SELECT', one:select(1), true)
    one:set('where', 1)
    expect('database 1', one:get('where'), '1')
    expect('database 0', zero:get('where'), nil)
  end,
  close = function()
    local c = client()
    c:ping()
    c:quit()
  end,
}

print('version ' .. tostring(redis._VERSION):gsub('^%S* ', ''))
for n = 3, #arg do
  local name = arg[n]
  if not cells[name] then
    print(name .. ' none')
  else
    local went, why = pcall(cells[name])
    print(name .. (went and ' ok' or ' fail ' .. text(type(why) == 'table' and why.message or why):gsub('%s+', ' ')))
  end
end
