# The commands of this repository: `make X` runs the session X of noxfile.py. Environments are kept in .nox/, what the demo
# writes in .demo/; `make clean` removes both.
export PORT UI_PORT PYTHON AIRFLOW ARGS DAG

SESSIONS := demo ui test test-short test-matrix lint format bench stores scale docs screenshots dist pins audit
.DEFAULT_GOAL := help
.PHONY: help test-all test-rest compat clean $(SESSIONS)

$(SESSIONS):
	@sh tools/run.sh $@

help:  ## this list
	@echo "usage: make TARGET [PORT=8765] [UI_PORT=8080] [PYTHON=python3.12] [AIRFLOW=2.11.2] [ARGS='-k name']"
	@echo
	@sed -n 's/^\([a-z-]*\):[a-z -]*  *## \(.*\)/  \1	\2/p' Makefile

demo:  ## run an example DAG through Airflow against a local TikTok, and show what it wrote (DAG=warehouse: a whole warehouse)
ui:  ## the same in the Airflow UI, until Ctrl-C
test:  ## lint, types and the fast tests; ARGS='-k name' runs pytest with these arguments instead
test-short:  ## the tests that Airflow's version matters to, and the example DAG (AIRFLOW=2.11.2, 3.1.8)
test-matrix:  ## all tests on Python 3.10, 3.12 and 3.13, and the short ones with Airflow 3.1.8 and 2.11.2
lint:  ## ruff and mypy
format:  ## let ruff fix and format the code
bench:  ## measure reports of 30k to 1M rows against the emulator (ARGS='rows --ads 10000': another benchmark)
stores:  ## test against S3 and GCS on loopback, OpenLineage, DuckDB, and dialects of other databases, in an environment of its own (600 MB)
scale:  ## many accounts on Celery workers, one of which is lost (SCALE_ACCOUNTS=300 SCALE_DAYS=60 SCALE_QPS=50)
docs:  ## build the documentation in build/docs; a warning is an error
screenshots:  ## take the documentation's pictures again, in a real Airflow with Chromium
dist:  ## build sdist and wheel in dist/, check them, and install the wheel into an empty environment
pins:  ## resolve the constraints in requirements/ (ARGS=--upgrade: with the newest versions)
audit:  ## look for known vulnerabilities of the pinned packages

compat:  ## run TikTok's SDK, Singer's tap and Airbyte's source against the emulator, and compare rows
	@sh tools/run.sh client compat

test-all: export COVERAGE = 1
test-all: test test-rest  ## both, with coverage of the first

test-rest:  ## what `make test` leaves out: a live Airflow, browser, stores, other Airflows, audit, documentation, packages
	@NOX_PARALLEL=2 sh tools/run.sh stores docs
	@sh tools/run.sh rest test-others audit dist

clean:  ## remove .nox/, .demo/ and what builds and checks leave behind
	rm -rf .nox .demo build dist *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
