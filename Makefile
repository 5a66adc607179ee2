# Everything a person or CI calls. `make help` lists it.
# Go is all that is needed, except where a target says more.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)
LDFLAGS := -s -w -X main.version=$(VERSION)
TOOL    := go tool -modfile=.tools/go.mod

# What a caller may set: make fuzz TIME=10m, make test PKG=./domain/..., make run ARGS='--listen 127.0.0.1:9090'
TIME ?= 30s
PKG  ?= ./...
ARGS ?=

.PHONY: help run build test postgres check lint fmt race scenarios golden e2e drills damage fuzz bench cover mutate audit clean

help: ## lists these targets
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

run: build ## builds, starts pm on ./data/demo with the sample signals, and says where to look
	@exec ./bin/pm --data ./data/demo --demo $(ARGS)

build: ## builds bin/pm and bin/pmctl, without cgo, with the version from git
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/pm ./cmd/pmctl

test: postgres ## runs every test, from nothing, in under 8 minutes on 2 cores
	go test -timeout 8m $(PKG)

postgres: ## installs PostgreSQL for the tests where it is not there (apt-get, as root)
	@if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; then exit 0; fi; \
	  install="apt-get install -y --no-install-recommends postgresql"; \
	  if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	    echo "The tests need the programs of PostgreSQL, initdb and postgres: run '$$install' as root." >&2; exit 1; \
	  fi; \
	  echo "installing PostgreSQL for the tests"; apt-get update -qq; DEBIAN_FRONTEND=noninteractive $$install

check: postgres ## fast, before each commit: format, vet, the rules of the house, short tests
	@unformatted=$$(gofmt -l .); \
	  if [ -n "$$unformatted" ]; then echo "make fmt would change:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go test -short -timeout 3m ./test/arch/...
	go test -short -timeout 3m ./...

lint: ## runs golangci-lint as pinned in .tools/go.mod (builds it the first time: some minutes)
	$(TOOL) golangci-lint run $(PKG)

fmt: ## formats every Go file
	gofmt -w .

race: postgres ## runs every test with the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -timeout 30m $(PKG)

scenarios: ## tells the stories of test/scenarios, each against a whole service in memory
	go test -count=1 -timeout 5m ./test/scenarios/...

golden: ## compares sizing, gates, stops, peel-off, equity, stored bytes and pmctl's output with their goldens
	go test -count=1 -timeout 5m -run '[Gg]olden' ./domain/... ./eventstore/... ./cmd/...

e2e: ## kills and restarts the real program, changes its snapshot by hand, the long form (make test runs the short one)
	PM_E2E=full go test -count=1 -v -timeout 60m ./test/e2e/... ./test/abuse/... ./test/recovery/...

drills: postgres ## causes each state of docs/RUNBOOK.md and runs its commands as they stand there (part of make test)
	go test -count=1 -timeout 5m ./test/runbook/...

damage: ## flips every bit and cuts every length of stored logs, the long form: about an hour and a half (make test runs the short one)
	PM_DAMAGE=full go test -count=1 -v -timeout 180m ./test/damage/...

fuzz: ## runs every fuzz target for TIME each (default 30s): make fuzz TIME=10m
	@for pkg in $$(go list $(PKG)); do \
	  listed=$$(go test -list '^Fuzz' "$$pkg"); \
	  for target in $$(grep '^Fuzz' <<<"$$listed" || true); do \
	    echo "== $$pkg $$target ($(TIME))"; \
	    go test "$$pkg" -run '^$$' -fuzz "^$$target\$$" -fuzztime $(TIME); \
	  done; \
	done

bench: postgres ## measures appends, the webhook, recovery, starts, memory and the past, each beside its limit (about 7 minutes)
	go test -run '^$$' -bench . -benchmem -timeout 30m ./test/bench/... | tee bench.out
	@echo "compare two runs: $(TOOL) benchstat before.out bench.out"

cover: postgres ## writes coverage/index.html over all packages and prints the total
	@mkdir -p coverage
	go test -timeout 15m -coverpkg=./... -coverprofile=coverage/all.out ./...
	go tool cover -html=coverage/all.out -o coverage/index.html
	go tool cover -func=coverage/all.out | tail -n 1

RECOVERY := $(addprefix projections/,recover.go fold_up.go readon.go reading.go judge.go diverge.go diverge_history.go halt.go changes.go)

mutate: ## disables each comparison of the recovery in turn: the tests have to notice every one
	@mkdir -p bin
	go -C .tools test ./mutate
	go -C .tools build -o ../bin/mutate ./mutate
	./bin/mutate -true -test ./projections $(RECOVERY)

audit: ## known vulnerabilities, the licence of every module, and a bill of materials in dist/
	go -C .tools test ./audit
	go -C .tools run ./audit -version '$(VERSION)'

clean: ## removes what the targets above made; the logs under data/ stay
	rm -rf bin coverage dist *.out *.test
