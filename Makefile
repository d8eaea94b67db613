# Two commands to know: `make demo` shows the proxy at work, `make test` passes the tests.
# Both install what they need on a Debian machine that has Rust and gcc.

CARGO ?= cargo
# Where `make install` puts the binary: in bin/ below it.
PREFIX ?= /usr/local
# Debian's packages that the tests and the bench run against.
SERVERS = redis-server memcached
ORIGINAL = nutcracker
# What the tests let loose on the proxy: client libraries, an operator's tools.
CLIENTS = python3-redis python3-pymemcache curl netcat-openbsd iproute2
# The languages and libraries of `xtask clients --quick`; its others come from PyPI and npm.
LIBRARIES = php-cli php-redis php-memcached ruby ruby-redis ruby-dalli npm
# Builds libFuzzer.
FUZZER = g++
# Counts instructions.
COUNTER = valgrind
# What tests and bench run besides: a plain forwarder, and a load tool for memcached.
BESIDES = haproxy libmemcached-tools

.PHONY: help build install demo test soak simulation chaos fuzz sanitize oracle clients bench instructions clean

help:
	@echo 'make demo          servers, the proxy, 10,000 keys, a failure and a return; ONCE=1 ends by itself'
	@echo 'make test          everything that CI checks'
	@echo 'make soak          a million requests of each protocol to the original and the proxy, compared; SEED=N to repeat;'
	@echo '                   then the simulation, a minute of it or SECONDS=N'
	@echo 'make simulation    seeded worlds of clients, servers and faults around the engine, for SECONDS=N; SEED=N for one'
	@echo '                   of them, TRACE=1 to be told all that happens in it, THREADS=N for so many side by side'
	@echo 'make chaos         real servers that fail under load, and every answer checked; ONLY=text for some,'
	@echo '                   QUICK=1 for a few, MINUTES=N for a long run, DOCS=1 writes docs/chaos.md'
	@echo 'make fuzz          inputs that break a promise, looked for with libFuzzer; SECONDS=N for each target,'
	@echo '                   ONLY=text for some'
	@echo 'make sanitize      tests under AddressSanitizer, valgrind and miri; ONLY=name for one of them'
	@echo 'make oracle        every command of Redis to a server and through the proxy, compared; ONLY=command, SEED=N to repeat'
	@echo 'make clients       real client libraries from their registries, through the proxy; ONLY=text for some,'
	@echo '                   QUICK=1 for those that install quickly, FRESH=1 to install them anew; writes docs/clients.md'
	@echo 'make bench         side by side with the original; ONLY=text for some rows, QUICK=1 for one short round,'
	@echo '                   DOCS=1 writes docs/performance.md, PREDIXY=binary has predixy take part,'
	@echo '                   BEFORE=binary an earlier build of the proxy'
	@echo 'make instructions  what the hot paths cost, counted; ONLY=text for some, RECORD=1 to record it'
	@echo 'make build         target/release/nutcracker'
	@echo 'make install       the binary to PREFIX=/usr/local, below DESTDIR= where one is given'
	@echo 'make clean         removes what was built'

build:
	$(CARGO) build --release --package nutcracker

# Builds nothing: who installs may be another user, without Rust.
install:
	install -D -m 755 target/release/nutcracker $(DESTDIR)$(PREFIX)/bin/nutcracker

demo:
	sh scripts/install.sh $(SERVERS)
	$(CARGO) build --release --package nutcracker --package xtask
	target/release/xtask demo $(if $(ONCE),--once)

test:
	sh scripts/install.sh $(SERVERS) $(ORIGINAL) $(CLIENTS) $(LIBRARIES) $(BESIDES) $(COUNTER) $(FUZZER)
	$(CARGO) xtask ci

soak:
	sh scripts/install.sh $(SERVERS) $(ORIGINAL)
	$(CARGO) build --release --package nutcracker --package xtask
	target/release/xtask soak $(if $(SEED),--seed $(SEED))
	target/release/xtask simulation $(if $(SECONDS),--seconds $(SECONDS))

simulation:
	$(CARGO) xtask simulation $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(if $(TRACE),--trace) \
		$(if $(THREADS),--threads $(THREADS))

chaos:
	sh scripts/install.sh $(SERVERS) $(if $(DOCS),$(if $(MINUTES),,$(ORIGINAL)))
	$(CARGO) build --release --package nutcracker --package xtask
	target/release/xtask chaos $(if $(ONLY),--only '$(ONLY)') $(if $(QUICK),--quick) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(DOCS),--docs $(if $(MINUTES),,--original)) $(if $(JSON),--json '$(JSON)')

fuzz:
	sh scripts/install.sh $(FUZZER)
	$(CARGO) xtask fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(ONLY),--only '$(ONLY)')

sanitize:
	sh scripts/install.sh $(SERVERS) $(ORIGINAL) $(CLIENTS) $(COUNTER)
	$(CARGO) xtask sanitize $(if $(ONLY),--only '$(ONLY)')

oracle:
	sh scripts/install.sh $(SERVERS)
	$(CARGO) build --release --package nutcracker --package xtask
	target/release/xtask oracle $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only '$(ONLY)')

clients:
	sh scripts/install.sh $(SERVERS)
	$(CARGO) build --release --package nutcracker --package xtask
	target/release/xtask clients $(if $(FRESH),--fresh) $(if $(QUICK),--quick) $(if $(ONLY),--only '$(ONLY)') \
		$(if $(QUICK)$(ONLY),,--docs)

bench:
	sh scripts/install.sh $(SERVERS) $(ORIGINAL) $(BESIDES)
	$(CARGO) build --release --package nutcracker --package xtask
	target/release/xtask bench $(if $(ONLY),--only '$(ONLY)') $(if $(QUICK),--quick) $(if $(DOCS),--docs) \
		$(if $(JSON),--json '$(JSON)') $(if $(BEFORE),--before '$(BEFORE)') $(if $(PREDIXY),--predixy '$(PREDIXY)')

instructions:
	sh scripts/install.sh $(COUNTER)
	$(CARGO) xtask instructions $(if $(ONLY),--only '$(ONLY)') $(if $(RECORD),--record)

clean:
	$(CARGO) clean
	$(CARGO) clean --manifest-path fuzz/Cargo.toml
