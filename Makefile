# laminardb: every target is short; `make help` lists them. Nothing needs to be installed by hand.
SHELL   := /bin/bash
PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
SPEED   ?= 0
T       ?=
SECONDS ?= 60
STRESS  ?= 20000

# With the extension, installed into a folder of its own: with a prefix alone it would replace the one in the virtual environment.
# -O1 compiles in half the time of -O2, and guesses wrongly at what is initialised. -g1 (functions and lines, no variables) saves a quarter more
# and is all that reports and addr2line read.
FAST := -Db_lundef=false -Doptimization=1 "-Dc_args=-g1 -Wno-maybe-uninitialized -Wno-tsan"
SAN  := -Db_sanitize=address,undefined $(FAST) -Dpython=true \
       $(foreach d,prefix python.platlibdir python.purelibdir,-D$(d)=$(CURDIR)/build/san/install)

# The C units that make test runs: unit, or san with the extension too, which .ci/run takes so that nothing runs twice.
UNITS   ?= unit

# Three workers, also where there are two processors: tests that wait (for a kill, an idle database, a browser) leave a quarter of them idle.
# Files stay whole on one worker, since some add up what they have played; the longest ones come first, and
# none of them last, which would leave one worker alone.
WORKERS := -n 3 --dist loadfile --no-loadscope-reorder tests/model tests/sql tests/python

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/installed: tools/setup.sh pyproject.toml
	@tools/setup.sh $(VENV) $(PYTHON)

setup: $(VENV)/installed ## make .venv with build and test tools (apt-get for cmocka when root)

build: $(VENV)/installed ## compile the engine and install the Python package into .venv
	@tools/build.sh $(VENV)

demo: build ## replay the flights of 2013 as a live feed (SPEED=1000000: in half a minute, to watch)
	@tools/data.sh $(VENV)
	@$(BIN)/python examples/python/flights.py --speed $(SPEED)

test: build $(UNITS) ## all tests: C units, SQL files, Python, property tests (T=path narrows the Python ones)
	@tools/data.sh $(VENV)
	@$(BIN)/python -m pytest $(or $(T),$(WORKERS))

unit: $(VENV)/installed ## the C unit tests
	@tools/unit.sh $(VENV) build/unit unit 81

san: $(VENV)/installed ## C unit tests and the Python extension under AddressSanitizer and UBSan
	@tools/unit.sh $(VENV) build/san unit 81 $(SAN)
	@tools/san_python.sh $(VENV) build/san

tsan: $(VENV)/installed ## the C unit tests of what threads share under ThreadSanitizer
	@LAMINAR_STRESS=$(STRESS) tools/unit.sh $(VENV) build/tsan "os exec db state table -torture -scope -alone" 33 -Db_sanitize=thread $(FAST)

freethreaded: $(VENV)/installed ## a CPython 3.13t with ThreadSanitizer, and what threads do in it (T=path: other tests)
	@tools/freethreaded.sh $(VENV) $(T)

torture: $(VENV)/installed ## refuse every allocation of every C scenario in turn, and count
	@tools/torture.sh $(VENV) $(SAN)

crash: $(VENV)/installed build ## kill -9 of real processes: 1,500 at calls for files, 1,000 at random times
	@LAMINAR_CALL_KILLS=1500 LAMINAR_KILLS=1000 $(BIN)/python -m pytest -s tests/python/test_kill_call.py tests/python/test_kill.py

fuzz: $(VENV)/installed ## libFuzzer: make fuzz T=parser SECONDS=60 (parser, plan, arrow, csv, scan, match, packed, log, manifest, image)
	@tools/fuzz.sh $(VENV) $(or $(T),parser) $(SECONDS)

fuzz-floor: $(VENV)/installed ## all fuzz targets, RUNS=2000000 executions together, the same ones each time
	@tools/fuzz_floor.sh $(VENV) $(or $(RUNS),2000000)

clang: $(VENV)/installed ## compile everything with clang-19, warnings are errors
	@tools/clang.sh $(VENV)

check: build ## format, tidy, layers, symbols, ruff, mypy, pyright, gcc with -Werror
	@tools/check.sh $(VENV)

format: $(VENV)/installed ## rewrite C sources in the project's format
	@$(BIN)/clang-format -i $$(git ls-files '*.c' '*.h') && $(BIN)/ruff check --fix -q python tests tools bench examples

full: build torture ## what is too long for each commit: TSan stress, all exits, all torture, larger small scopes, fuzzers
	@LAMINAR_SCOPE=6 tools/unit.sh $(VENV) build/unit scope 3
	@$(MAKE) tsan STRESS=110000
	@LAMINAR_EXITS=200 $(BIN)/python -m pytest tests/python/test_exits.py
	@LAMINAR_LEAK_CALLS=1000 $(BIN)/python -m pytest tests/python/test_surface.py
	@for t in parser arrow plan csv scan match packed log manifest image; do tools/fuzz.sh $(VENV) $$t 120 || exit 1; done

instructions: build ## instructions of kernels, query shapes and the import against tests/instructions.toml, within 3 % (UPDATE=1: writes it)
	@tools/need.sh "counting instructions" valgrind
	@tools/library.sh $(VENV)
	@$(BIN)/python tools/instructions.py $(if $(UPDATE),--update)

bench: build ## micro benchmarks of the engine
	@$(BIN)/python bench/run.py

figures: build ## every benchmark into bench/results and docs/performance.md: make figures REF=path/to/bench (ARGS="--only p1,latency --quick --resume --list")
	@tools/peers.sh "$(REF)"
	@$(BIN)/python bench/figures.py "$(REF)" $(ARGS)

page: $(VENV)/installed ## docs/performance.md out of the figures in bench/results
	@$(BIN)/python bench/page.py

tpch: build ## the 22 queries of TPC-H beside DuckDB (SF=1: the scale)
	@tools/tpch.sh $(VENV) $(or $(SF),1)

referee: build ## the referee's NEXmark and latency suites: make referee REF=path/to/bench
	@tools/referee.sh $(VENV) "$(REF)"

latency: build ## the table of latency and ingestion beside the peers: make latency REF=path/to/bench (ARGS="--quick ...") -> build/latency.json
	@tools/referee.sh $(VENV) "$(REF)" --suite latency --repeat 3 --json build/latency.json $(ARGS)

environments: build ## tests/python without optional packages, with numpy, with pyarrow, with all (T=none: one of them; T=pythons)
	@tools/environments.sh $(VENV) $(T)

clean: ## remove everything that was built
	@rm -rf build $(VENV) .pytest_cache .hypothesis .mypy_cache .ruff_cache

.PHONY: help setup build demo test instructions unit san tsan freethreaded torture crash fuzz fuzz-floor full clang check format bench figures page tpch referee latency environments clean
