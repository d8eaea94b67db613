# Runs the cells that the command line names, and prints of each how it went.
#
# Arguments: port, "proxy" or "control", cells. A cell without a function is one that the library has
# no use for.
HOST = '127.0.0.1'
PORT = ARGV[0].to_i
CONTROL = ARGV[1] == 'control'
$stdout.sync = true

def expect(what, found, wanted)
  raise "#{what}: #{found.inspect} instead of #{wanted.inspect}" unless found == wanted
end

def run(version, cells)
  puts "version #{version}"
  ARGV[2..].each do |name|
    cell = cells[name]
    next puts("#{name} none") unless cell
    begin
      cell.call
      puts "#{name} ok"
    rescue StandardError => error
      puts "#{name} fail #{"#{error.class}: #{error.message}".gsub(/\s+/, ' ')[0, 300]}"
    end
  end
end
