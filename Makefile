# MomentVerse. `make` lists what can be done; CONTRIBUTING.md tells more.

PORT ?= 8000
# More for the test runner: make test ARGS="tests/accounts -k handle"
ARGS ?=

VENV := .venv
PYTHON := $(VENV)/bin/python
MANAGE := $(PYTHON) manage.py

# What is installed is stamped with the wanted packages' checksum: a changed line installs anew.
TO_RUN := sed '/^. To develop/,$$d' requirements.txt
RUN_STAMP := $(VENV)/installed-to-run-$(shell $(TO_RUN) | cksum | cut -d' ' -f1)
DEVELOP_STAMP := $(VENV)/installed-to-develop-$(shell cksum < requirements.txt | cut -d' ' -f1)
PIP_INSTALL := $(PYTHON) -m pip install --quiet --quiet --disable-pip-version-check --no-input

# `make run` is the embedded default whatever the shell has exported for other servers.
EMBEDDED := env -u DATABASE_URL -u REDIS_URL BIND=127.0.0.1:$(PORT) SITE_URL=http://127.0.0.1:$(PORT)
# `make lint` looks at the settings as production has them; nothing is connected to.
LIKE_PRODUCTION := MOMENTVERSE_MODE=production SITE_URL=https://momentverse.example EMAIL_URL=console: TRUSTED_PROXIES=1 \
	ALLOWED_HOSTS=momentverse.example DATABASE_URL=postgresql://momentverse@localhost/momentverse \
	REDIS_URL=redis://localhost:6379/0 \
	SECRET_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(50))')

.DEFAULT_GOAL := help
.PHONY: help run dev serve test bench load lighthouse lint format clean chromium

help: ## list what can be done
	@echo "make run      MomentVerse on this machine: needs Python alone, keeps its data in .data"
	@echo "make dev      the same while writing code: reloads itself, shows what each page costs"
	@echo "make serve    as in production, on DATABASE_URL and REDIS_URL"
	@echo "make test     all tests, on PostgreSQL and Redis and on the embedded default"
	@echo "make bench    speed as ratios, in one table, up to 5,000,000 moments (half an hour; ARGS='--quick --rows=100000')"
	@echo "make load     200 users, then 10,000 visitors, on a site as in production (10 minutes; ARGS='--seconds=10')"
	@echo "make lighthouse  every public page as Lighthouse sees it, beside the goals (a quarter of an hour)"
	@echo "make lint     style, types, templates, migrations, deployment settings"
	@echo "make format   bring code into shape"
	@echo "make clean    remove what can be made again; .data with its moments stays"
	@echo
	@echo "PORT=8001 chooses another port; ARGS=... goes to the test runner."

run: $(RUN_STAMP)
	@$(EMBEDDED) MOMENTVERSE_MODE=embedded $(MANAGE) bootstrap --port $(PORT)
	@$(EMBEDDED) MOMENTVERSE_MODE=embedded LOG_LEVEL=$${LOG_LEVEL:-WARNING} \
		$(VENV)/bin/gunicorn --config momentverse/gunicorn_conf.py momentverse.wsgi

dev: $(DEVELOP_STAMP)
	@$(EMBEDDED) MOMENTVERSE_MODE=development $(MANAGE) bootstrap --port $(PORT)
	@$(EMBEDDED) MOMENTVERSE_MODE=development $(MANAGE) runserver 127.0.0.1:$(PORT)

serve: $(RUN_STAMP)
	@MOMENTVERSE_MODE=production BIND=$${BIND:-127.0.0.1:$(PORT)} $(MANAGE) bootstrap --without-moments
	@MOMENTVERSE_MODE=production BIND=$${BIND:-127.0.0.1:$(PORT)} \
		$(VENV)/bin/gunicorn --config momentverse/gunicorn_conf.py momentverse.wsgi

test: $(DEVELOP_STAMP) chromium
	@$(PYTHON) -m tests $(ARGS)

bench: $(DEVELOP_STAMP)
	@$(PYTHON) -m tests.benchmarks $(ARGS)

load: $(DEVELOP_STAMP)
	@$(PYTHON) -m tests.load $(ARGS)

lighthouse: $(DEVELOP_STAMP) chromium
	@$(PYTHON) -m tests.lighthouse $(ARGS)

lint: $(DEVELOP_STAMP)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/djlint --quiet --lint templates
	@$(EMBEDDED) $(MANAGE) makemigrations --check --dry-run
	@$(LIKE_PRODUCTION) $(MANAGE) check --deploy --fail-level WARNING

format: $(DEVELOP_STAMP)
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format --quiet .

clean:
	@rm -rf $(VENV) .data/static tests/lighthouse/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The browser that the browser tests drive; only taken where nobody needs to be asked.
chromium:
	@if command -v chromium > /dev/null || command -v google-chrome > /dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		echo "Installing Chromium for the browser tests ..."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends chromium fonts-liberation > /dev/null; \
	else \
		echo "No Chromium here, so the browser tests are skipped. Install it with your system's" >&2; \
		echo "packages (Debian: apt-get install chromium fonts-liberation) or install Google Chrome." >&2; \
	fi

$(PYTHON):
	@for python in python3 python3.11 python3.12 python3.13 python3.14; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then \
			found=$$python; \
			if $$python -c 'import venv, ensurepip' 2> /dev/null; then \
				echo "Making $(VENV) with $$($$python --version) ..."; \
				exec $$python -m venv $(VENV); \
			fi; \
		fi; \
	done; \
	if [ -n "$$found" ]; then \
		echo "$$found lacks its venv module. On Debian: apt-get install python3-venv" >&2; \
	else \
		echo "MomentVerse needs Python 3.11 or newer, and none was found on the PATH." >&2; \
	fi; \
	exit 1

$(RUN_STAMP): | $(PYTHON)
	@echo "Installing what MomentVerse needs (once, about a minute) ..."
	@$(TO_RUN) > $(VENV)/to-run.txt
	@$(PIP_INSTALL) -r $(VENV)/to-run.txt
	@touch $@

$(DEVELOP_STAMP): | $(PYTHON)
	@echo "Installing what MomentVerse and its tests need (once, a few minutes) ..."
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@ $(RUN_STAMP)
