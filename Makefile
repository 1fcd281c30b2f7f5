# The commands of this project; `make` lists them. Python is found, and everything installed, by deploy/local/bootstrap.

PYTHON := .venv/bin/python
LOCAL := $(PYTHON) -m deploy.local
NAME ?=
COMPOSE = $(shell docker compose version > /dev/null 2>&1 && echo docker compose || echo docker-compose)
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.DEFAULT_GOAL := help
.PHONY: help up down compose-up compose-demo compose-down status logs demo start stop restart test prove prove-smoke prove-the-prover check lock clean bootstrap-local bootstrap-all \
	check-format check-lint check-types check-imports check-dependencies require-name

help: ## list the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: bootstrap-local ## start PostgreSQL, Redis, RabbitMQ and all our processes (safe to repeat)
	@$(LOCAL) up

down: bootstrap-local ## stop everything `up` started; the data stays
	@$(LOCAL) down

status: bootstrap-local ## one line per server and process; fails when something does not run
	@$(LOCAL) status

logs: bootstrap-local ## show the logs, or with NAME=api one of them, and follow them
	@$(LOCAL) logs $(NAME) --follow

demo: bootstrap-local ## start everything and take payments through it, explained step by step
	@$(LOCAL) up
	@$(PYTHON) -m deploy.demo --env-file "$${GATEWAY_LOCAL_DIR:-.local}/gateway.env"

compose-up: ## the whole system in containers: build the image, start everything, wait until it is healthy
	@$(COMPOSE) up --detach --build
	@for second in $$(seq 120); do \
		docker inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{end}}' $$($(COMPOSE) ps --quiet) \
			| grep -qE 'starting|unhealthy' || exit 0; \
		sleep 1; \
	done; $(COMPOSE) ps; exit 1

compose-demo: bootstrap-local compose-up ## the demo against the containers
	@$(PYTHON) -m deploy.demo --env-file deploy/compose.env

compose-down: ## stop and remove the containers; the data stays (docker-compose down --volumes deletes it)
	@$(COMPOSE) down

start: require-name bootstrap-local ## start one server or process: make start NAME=rabbitmq
	@$(LOCAL) start $(NAME)

stop: require-name bootstrap-local ## stop one server or process: make stop NAME=rabbitmq
	@$(LOCAL) stop $(NAME)

restart: require-name bootstrap-local ## stop one server or process and start it again: make restart NAME=api
	@$(LOCAL) restart $(NAME)

test: check ## check, then run every test: first those without servers, then those with real ones
	@$(PYTHON) -m pytest -n 2 tests/unit tests/contract tests/architecture tests/property tests/planted shared/providers
	@$(PYTHON) -m pytest tests/integration tests/e2e

prove-smoke: bootstrap-all ## kill, freeze and cut off every part of a system of its own, in eight minutes: nothing lost, nothing twice
	@$(PYTHON) -m tests.chaos --smoke

prove: bootstrap-all ## the same at length: a thousand crashes, every fault (50 minutes); ONLY=NAME, SEED=N, WRITE=FILE
	@$(PYTHON) -m tests.chaos $(if $(ONLY),--only "$(ONLY)") $(if $(SEED),--seed $(SEED)) $(if $(WRITE),--write "$(WRITE)")

prove-the-prover: bootstrap-all ## make the classic mistakes on purpose, one at a time, and see that a test notices
	@$(PYTHON) -m tests.planted $(if $(ONLY),--only "$(ONLY)")

check: bootstrap-all ## formatting, lint, types, import rules, dependencies
	@$(MAKE) --no-print-directory --keep-going --jobs=5 $(SYNC) \
		check-format check-lint check-types check-imports check-dependencies
	@echo "check: all good"

lock: ## write uv.lock and the requirements files anew after a change of pyproject.toml
	@[ -x .venv/bin/uv ] || deploy/local/bootstrap all
	@.venv/bin/uv lock
	@.venv/bin/uv export --quiet --no-emit-project --no-header --no-annotate --output-file requirements.lock
	@.venv/bin/uv export --quiet --no-emit-project --no-header --no-annotate --all-extras \
		--output-file requirements-all.lock

clean: ## stop everything and delete all local data and caches
	@if [ -x $(PYTHON) ]; then $(LOCAL) clean; fi
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

require-name:
	@if [ -z "$(NAME)" ]; then echo "say which one, for example: make $(MAKECMDGOALS) NAME=api" >&2; exit 2; fi

bootstrap-local:
	@deploy/local/bootstrap local

bootstrap-all:
	@deploy/local/bootstrap all

check-format:
	@.venv/bin/ruff format --quiet --check . || { .venv/bin/ruff format --check . ; exit 1; }

check-lint:
	@.venv/bin/ruff check --quiet .

check-types:
	@.venv/bin/mypy --no-error-summary

check-imports:
	@.venv/bin/lint-imports > .venv/import-linter.log 2>&1 || { cat .venv/import-linter.log; exit 1; }

check-dependencies:
	@.venv/bin/deptry --no-ansi . > .venv/deptry.log 2>&1 || { cat .venv/deptry.log; exit 1; }
