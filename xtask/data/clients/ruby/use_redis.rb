# The gem redis.
require 'redis'
require_relative 'cells'

def client(**options)
  Redis.new(host: HOST, port: PORT, **options)
end

run(Redis::VERSION, {
  'connect' => -> { expect('PING', client.ping, 'PONG') },
  'get-set' => lambda {
    c = client
    expect('GET of nothing', c.get('absent'), nil)
    100.times do |n|
      expect('SET', c.set("k#{n}", "v#{n}"), 'OK')
      expect('GET', c.get("k#{n}"), "v#{n}")
    end
    expect('SET NX', c.set('lock', '1', nx: true, ex: 10), true)
    expect('SET NX again', c.set('lock', '1', nx: true, ex: 10), false)
    expect('HSET', c.hset('h', { 'a' => '1', 'b' => '2' }), 2)
    expect('HGETALL', c.hgetall('h'), { 'a' => '1', 'b' => '2' })
    expect('ZADD', c.zadd('z', 1.5, 'x'), true)
    expect('ZRANGE', c.zrange('z', 0, -1, with_scores: true), [['x', 1.5]])
  },
  'many-keys' => lambda {
    c = client
    keys = (0...100).map { |n| "many#{n}" }
    expect('MSET', c.mapped_mset(keys.to_h { |key| [key, key.upcase] }), 'OK')
    expect('MGET', c.mget(*keys, 'absent'), keys.map(&:upcase) + [nil])
    expect('UNLINK', c.unlink(*keys.first(50)), 50)
    expect('DEL', c.del(*keys), 50)
  },
  'pipeline' => lambda {
    answers = client.pipelined do |p|
      500.times do |n|
        p.set("p#{n}", n)
        p.get("p#{n}")
      end
    end
    expect('answers', answers, (0...500).flat_map { |n| ['OK', n.to_s] })
  },
  'transaction' => lambda {
    c = client
    expect('EXEC', c.multi { |m| m.set('{t}a', 1); m.incr('{t}b'); m.mget('{t}a', '{t}b') }, ['OK', 1, %w[1 1]])
    changed = c.watch('{t}a') do
      client.set('{t}a', 3)
      c.multi { |m| m.set('{t}a', 4) }
    end
    expect('EXEC after a change', changed, nil)
    expect('UNWATCH', c.watch('{t}a') { c.unwatch }, 'OK')
    expect('the value', c.get('{t}a'), '3')
  },
  'pubsub' => lambda {
    heard = []
    Thread.new do
      sleep 0.3
      c = client
      c.publish('news', 'a')
      c.publish('weather', 'b')
    end
    c = client
    c.subscribe('news', 'weather') do |on|
      on.message do |_, message|
        heard << message
        c.unsubscribe if heard.size == 2
      end
    end
    expect('messages', heard.sort, %w[a b])
    expect('GET after that', c.get('absent'), nil)
    expect('subscribe_with_timeout', (client.psubscribe_with_timeout(0.3, 'p*') { |on| on.pmessage { |*| nil } } rescue 'late').to_s.empty?, false)
  },
  'scan' => lambda {
    c = client
    keys = (0...2000).map { |n| "scan:#{n}" }
    c.mset(*keys.flat_map { |key| [key, 1] })
    expect('keys seen', c.scan_each(match: 'scan:*', count: 300).to_a.uniq.sort, keys.sort)
  },
  'blocking' => lambda {
    c = client
    expect('BLPOP of nothing', c.blpop('queue', timeout: 1), nil)
    thread = Thread.new { sleep 0.2; client.rpush('queue', 'job') }
    expect('BLPOP', c.blpop('queue', timeout: 5), %w[queue job])
    thread.join
  },
  'script' => lambda {
    c = client
    script = "return redis.call('INCR', KEYS[1])"
    30.times { |n| expect('EVAL', c.eval(script, keys: ["script#{n}"]), 1) }
    hash = c.script(:load, script)
    30.times { |n| expect('EVALSHA', c.evalsha(hash, keys: ["script#{n}"]), 2) }
  },
  'databases' => lambda {
    one, zero = client(db: 1), client
    one.set('where', '1')
    expect('database 1', one.get('where'), '1')
    expect('database 0', zero.get('where'), nil)
  },
  'close' => lambda {
    c = client
    c.ping
    expect('QUIT', c.quit, 'OK')
    c.close
    expect('PING after that', c.ping, 'PONG')
  }
})
