# The gem dalli, told to speak the meta protocol; before 3.2 it knows the binary protocol alone.
require 'dalli'
require_relative 'cells'

PROTOCOL = Gem::Version.new(Dalli::VERSION) < Gem::Version.new('3.2') ? :binary : :meta

def client(**options)
  Dalli::Client.new("#{HOST}:#{PORT}", protocol: PROTOCOL, **options)
end

run(Dalli::VERSION, {
  'connect' => -> { expect('versions', client.version.values.compact.size, 1) },
  'get-set' => lambda {
    c = client
    expect('get of nothing', c.get('absent'), nil)
    100.times do |n|
      expect('set', c.set("k#{n}", "v#{n}").is_a?(Integer), true)
      expect('get', c.get("k#{n}"), "v#{n}")
    end
    expect('set of an object', c.set('object', { a: [1, nil] }, 100).is_a?(Integer), true)
    expect('get of an object', c.get('object'), { a: [1, nil] })
    c.set('a key with blanks', '1')
    expect('get of a key with blanks', c.get('a key with blanks'), '1')
    expect('add', c.add('k1', 'x'), false)
    expect('replace', c.replace('k1', 'x').is_a?(Integer), true)
    c.set('raw', 'x', 100, raw: true)
    expect('append', c.append('raw', 'y'), true)
    expect('get', c.get('raw'), 'xy')
    expect('fetch', c.fetch('fetched', 100) { 'made' }, 'made')
    expect('delete', c.delete('k1'), true)
    compressed = client(compress: true)
    compressed.set('big', 'nut' * 100_000)
    expect('get of what is compressed', compressed.get('big'), 'nut' * 100_000)
  },
  'many-keys' => lambda {
    c = client
    keys = (0...100).map { |n| "many#{n}" }
    c.multi { keys.each { |key| c.set(key, key.upcase) } }
    expect('get_multi', c.get_multi(*keys, 'absent'), keys.to_h { |key| [key, key.upcase] })
    (c.respond_to?(:quiet) ? c.method(:quiet) : c.method(:multi)).call { keys.each { |key| c.delete(key) } }
    expect('get_multi of nothing', c.get_multi(*keys), {})
  },
  'cas' => lambda {
    c = client
    c.set('cas', '1')
    expect('cas', c.cas('cas') { |value| "#{value}2" }.is_a?(Integer), true)
    expect('get', c.get('cas'), '12')
    _, token = c.get_cas('cas')
    c.set('cas', 'else')
    expect('cas with an old token', c.set_cas('cas', 'x', token), false)
  },
  'incr' => lambda {
    c = client
    expect('incr of nothing', c.incr('absent'), nil)
    expect('incr with a beginning', c.incr('count', 1, 100, 9), 9)
    expect('incr', c.incr('count', 2), 11)
    expect('decr', c.decr('count', 20), 0)
  },
  'touch' => lambda {
    c = client
    c.set('touched', '1')
    expect('touch', c.touch('touched', 100), true)
    expect('gat', c.gat('touched', 100), '1')
  },
  'meta' => PROTOCOL == :meta ? -> { expect('get', client.tap { |c| c.set('m', '1') }.get('m'), '1') } : nil,
  'stats' => -> { expect('stats', client.stats.values.first.key?('version'), true) },
  'flush' => lambda {
    c = client
    c.set('kept', '1')
    begin
      went = c.flush.all?
    rescue Dalli::DalliError
      went = false
    end
    expect('flush', went, CONTROL)
    expect('what was there', c.get('kept'), CONTROL ? nil : '1')
  },
  'close' => lambda {
    c = client
    c.set('a', '1')
    c.close
    expect('get after that', c.get('a'), '1')
  }
})
