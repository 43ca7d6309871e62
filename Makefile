# Teller. `make TARGET`, where TARGET is one of:
#
#   help        this text (also without a target)
#   run         start Teller as a sandbox, in release mode;
#               make run ARGS="--listen 127.0.0.1:9000" passes flags on
#   cluster     start two servers, HAProxy, a PostgreSQL primary and its
#               synchronous standby from installed packages, in the foreground;
#               OPERATIONS.md tells how to break and mend it. CLUSTER_DIR and
#               CLUSTER_PORT say where; Debian's packages postgresql and
#               haproxy are installed where this runs as root
#   playground  build the page at /playground, which `run` and `test` do by
#               themselves; it needs Node.js 20.19 or newer with npm
#   test        every promise in its short form, on SQLite and on PostgreSQL:
#               lint first, then all tests; brings its own PostgreSQL unless
#               TELLER_TEST_DATABASE_URL names one
#   lint        format, clippy, documentation, and what may be linked
#   prove       every promise at its full size, in release mode, and the table
#               of `teller bench`; takes hours and writes tests/PROOF.md;
#               make prove ARGS="faults::mail bench" proves the tests whose name
#               has "faults::mail", and the table, and renews their rows
#   bench       measure the inner parts by themselves (benches/README.md);
#               make bench ARGS=seal runs those whose name has "seal". The
#               whole server is measured by `teller bench`
#   schema      renew schema.graphql from the code
#   openapi     renew the OpenAPI documents of the legacy dialects from the code
#   deny        check the dependencies against deny.toml; installs cargo-deny if
#               it is missing
#   advisories  check the dependencies against the RustSec advisories, which are
#               fetched from outside
#   clean       remove all that was built or installed here; ./data stays
#
# Rust comes from rustup (rust-version in Cargo.toml). `test` and `prove` also
# need Node.js 20.19 or newer, Python 3.11 or newer, curl, jq, Chromium, HAProxy and
# shellcheck; PostgreSQL they find or fetch, see tests/support/with-postgres.sh.

# The recipes that start a server are one command each, so that a signal to make
# reaches the script that has to stop it.
SHELL := bash
.DEFAULT_GOAL := help
# In the order written, whatever -j says: cargo waits for its own lock anyway.
.NOTPARALLEL:
.PHONY: help run cluster playground test lint prove bench schema openapi deny advisories clean tools \
	node-packages python-packages playground-where-node-is cargo-deny

ARGS ?=

# What `deny` reports as well, doubled crates, would drown the rest of `lint`.
DENY_LOG := warn
lint: DENY_LOG := error
DENY = cargo deny --locked --log-level $(DENY_LOG) check --hide-inclusion-graph

DIALECTS = card-bank fintract financelime accounts ewallet

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

run: playground-where-node-is
	@echo "Starting Teller (make run)"
	@TELLER_COMMIT=$$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown) TELLER_COMMIT_TIME=$$(TZ=UTC0 git log -1 --date=format-local:%Y-%m-%d_%H:%M:%S --format=%cd 2>/dev/null) cargo run --release --locked -- serve $(ARGS)

cluster: playground-where-node-is
	@echo "Building Teller, and starting a cluster (make cluster)"
	@cargo build --release --locked && exec deploy/cluster.sh up

playground:
	@web-playground/build.sh

# The page comes first: the binary takes it in, and is compiled once.
test: playground lint tools node-packages python-packages
	@echo "Testing on SQLite and on PostgreSQL (make test)"
	@tests/support/with-postgres.sh tests/support/with-tally.sh cargo test --locked

lint:
	@echo "Checking the format (cargo fmt)"
	@cargo fmt --check
	@echo "Checking the code (cargo clippy)"
	@cargo clippy --locked --all-targets -- -D warnings
	@echo "Checking the documentation (cargo doc)"
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
	@echo "Checking that nothing links OpenSSL (cargo tree)"
	@crates=$$(cargo tree --quiet --locked --target all --edges normal,build,dev --prefix none --format '{p}') || exit 1; \
	if grep -q '^openssl-sys ' <<<"$$crates"; then \
		cargo tree --locked --target all --edges normal,build,dev --invert openssl-sys >&2; \
		echo "openssl-sys is among the dependencies, as shown above; rustls is the only TLS here: turn off the feature that brings it in." >&2; \
		exit 1; \
	fi
	@if cargo deny --version >/dev/null 2>&1; then \
		echo "Checking bans, licences and sources of the dependencies (cargo deny)"; \
		$(DENY) bans licenses sources; \
	else \
		echo "Not checked: bans, licences and sources of the dependencies, because cargo-deny is not installed; make deny installs it and checks them."; \
	fi

prove: playground tools node-packages python-packages
	@echo "Proving promises at their full size; this takes long (make prove)"
	@tests/support/with-postgres.sh tests/support/prove.sh $(ARGS)

bench:
	@echo "Measuring the inner parts (make bench)"
	@cargo bench --locked --bench inner -- $(ARGS)

schema:
	@echo "Renewing schema.graphql"
	@cargo run --locked --quiet -- schema >schema.graphql.new || { rm -f schema.graphql.new; exit 1; }
	@mv schema.graphql.new schema.graphql

openapi:
	@echo "Renewing the OpenAPI documents"
	@cargo build --locked --quiet
	@for dialect in $(DIALECTS); do \
		file=src/compat/$${dialect//-/_}/openapi.json; \
		cargo run --locked --quiet -- openapi $$dialect >$$file.new || { rm -f $$file.new; exit 1; }; \
		mv $$file.new $$file; \
	done

deny: cargo-deny
	@echo "Checking bans, licences and sources of the dependencies (cargo deny)"
	@$(DENY) bans licenses sources

advisories: cargo-deny
	@echo "Checking the RustSec advisories (cargo deny)"
	@$(DENY) advisories

clean:
	@echo "Removing what was built and installed here"
	@cargo clean
	@rm -rf tests/node/node_modules tests/python/.venv web-playground/node_modules web-playground/dist

# --- Steps of the targets above ---

tools:
	@tests/support/tools.sh

node-packages:
	@tests/node/install.sh

python-packages:
	@tests/python/install.sh

playground-where-node-is:
	@web-playground/build.sh if-possible

cargo-deny:
	@cargo deny --version >/dev/null 2>&1 || { \
		echo "Installing cargo-deny, which compiles for some minutes"; \
		cargo install --locked cargo-deny; \
	}
