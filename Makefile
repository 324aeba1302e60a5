# The commands of this repository. They make their own environment in .venv/ and keep what they
# write in .demo/; `make clean` takes both away. The work is done by the Python package tools/.
export PORT UI_PORT PYTHON AIRFLOW ARGS

.DEFAULT_GOAL := help
.PHONY: help demo ui test test-short test-matrix lint format bench compat stores scale docs dist pins audit clean

help:  ## this list
	@echo "usage: make TARGET [PORT=8765] [UI_PORT=8080] [PYTHON=python3.12] [AIRFLOW=2.11.2] [ARGS='-k name']"
	@echo
	@sed -n 's/^\([a-z-]*\):  *## \(.*\)/  \1	\2/p' Makefile

demo:  ## run an example DAG through Airflow against a local TikTok, and show what it wrote
	@sh tools/run.sh demo

ui:  ## the same in the Airflow UI, until Ctrl-C
	@sh tools/run.sh ui

test:  ## lint, types, and all tests (ARGS= goes to pytest)
	@sh tools/run.sh test

test-short:  ## the tests that Airflow's version matters to, and the example DAG (AIRFLOW=2.11.2, 3.1.8)
	@sh tools/run.sh test-short

test-matrix:  ## everything on Airflow 2.11.2, 3.1.8 and 3.3.2, each with Python 3.10, 3.12 and 3.13
	@sh tools/run.sh test-matrix

lint:  ## ruff and mypy
	@sh tools/run.sh lint

format:  ## let ruff fix and format the code
	@sh tools/run.sh format

bench:  ## measure reports of 30k to 1M rows against the emulator (ARGS= goes to the benchmark)
	@sh tools/run.sh bench

compat:  ## run TikTok's SDK, Singer's tap and Airbyte's source against the emulator, and compare rows
	@sh tools/run.sh compat

stores:  ## test against S3 and GCS on loopback, OpenLineage and DuckDB, in an environment of its own (600 MB)
	@sh tools/run.sh stores

scale:  ## many accounts on Celery workers, one of which is lost (SCALE_ACCOUNTS=300 SCALE_DAYS=60 SCALE_QPS=50)
	@sh tools/run.sh scale

docs:  ## build the documentation in build/docs; a warning is an error
	@sh tools/run.sh docs

dist:  ## build sdist and wheel in dist/, check them, and install the wheel into an empty environment
	@sh tools/run.sh dist

pins:  ## resolve requirements/constraints-3.N.txt anew for this Python
	@sh tools/run.sh pins

audit:  ## look for known vulnerabilities of the pinned packages
	@sh tools/run.sh audit

clean:  ## remove .venv/, .demo/ and what builds and checks leave behind
	@sh tools/run.sh clean
