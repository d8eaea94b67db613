# Two commands to know: `make demo` shows the proxy at work, `make test` passes the tests.
# Both install what they need on a Debian machine that has Rust and gcc.

CARGO ?= cargo
# Debian's packages that the tests and the bench run against.
SERVERS = redis-server memcached
ORIGINAL = nutcracker
# What the tests let loose on the proxy besides: client libraries, a load balancer, an operator's tools.
CLIENTS = python3-redis python3-pymemcache haproxy curl netcat-openbsd iproute2
# Counts instructions.
COUNTER = valgrind

.PHONY: help build demo test bench instructions clean

help:
	@echo 'make demo          servers, the proxy, 10,000 keys, a failure and a return; ONCE=1 ends by itself'
	@echo 'make test          everything that CI checks'
	@echo 'make bench         side by side with the original; ONLY=text for some rows, QUICK=1 for one short round'
	@echo 'make instructions  what the hot paths cost, counted; ONLY=text for some, RECORD=1 to record it'
	@echo 'make build         target/release/nutcracker'
	@echo 'make clean         removes what was built'

build:
	$(CARGO) build --release --package nutcracker

demo:
	sh scripts/install.sh $(SERVERS)
	$(CARGO) build --release --package nutcracker --package xtask
	target/release/xtask demo $(if $(ONCE),--once)

test:
	sh scripts/install.sh $(SERVERS) $(ORIGINAL) $(CLIENTS) $(COUNTER)
	$(CARGO) xtask ci

bench:
	sh scripts/install.sh $(SERVERS) $(ORIGINAL)
	$(CARGO) build --release --package nutcracker --package xtask
	target/release/xtask bench $(if $(ONLY),--only '$(ONLY)') $(if $(QUICK),--quick) $(if $(JSON),--json '$(JSON)')

instructions:
	sh scripts/install.sh $(COUNTER)
	$(CARGO) xtask instructions $(if $(ONLY),--only '$(ONLY)') $(if $(RECORD),--record)

clean:
	$(CARGO) clean
	$(CARGO) clean --manifest-path fuzz/Cargo.toml
