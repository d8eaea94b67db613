# Sidekiq, with its server in a process of its own.
require 'sidekiq'
require 'sidekiq/api'
require 'redis'

URL = "redis://127.0.0.1:#{ENV['SIDEKIQ_PORT'] || ARGV[0]}/0"
Redis.silence_deprecations = true if Redis.respond_to?(:silence_deprecations=)
Sidekiq.configure_server { |c| c.redis = { url: URL } }
Sidekiq.configure_client { |c| c.redis = { url: URL } }

class Twice
  include Sidekiq::Worker

  def perform(number)
    Sidekiq.redis { |c| c.rpush('done', number * 2) }
  end
end

# The server loads this file for its jobs.
unless ENV['SIDEKIQ_PORT']
  require_relative 'cells'

  def serve
    command = ['sidekiq', '-r', __FILE__, '-c', '2', '-t', '1']
    pid = spawn({ 'SIDEKIQ_PORT' => PORT.to_s }, *command, out: File::NULL, err: File::NULL)
    yield
  ensure
    Process.kill('KILL', pid)
    Process.wait(pid)
  end

  def await(what, wanted)
    found = nil
    160.times do
      found = yield
      return if found == wanted
      sleep 0.05
    end
    expect(what, found, wanted)
  end

  run(Sidekiq::VERSION, {
    'queue' => lambda {
      5.times { |n| Twice.perform_async(n) }
      Sidekiq::Client.push_bulk('class' => Twice, 'args' => [[10], [11]])
      serve do
        await('what is done', %w[0 2 4 6 8 20 22].sort) { Sidekiq.redis { |c| c.lrange('done', 0, -1) }.sort }
        await('how many its statistics have', 7) { Sidekiq::Stats.new.processed }
        await('how many servers there are', 1) { Sidekiq::ProcessSet.new(false).size }
      end
    }
  })
end
