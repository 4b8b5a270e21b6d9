# MomentVerse. `make` lists what can be done; CONTRIBUTING.md tells more.

PORT ?= 8000
# More for the test runner: make test ARGS="tests/accounts -k handle"
ARGS ?=

VENV := .venv
PYTHON := $(VENV)/bin/python
MANAGE := $(PYTHON) manage.py

# A stamp carries the checksum of the lock that was installed, so a changed lock is installed again.
RUN_STAMP := $(VENV)/installed-to-run-$(shell cksum < requirements.lock.txt | cut -d' ' -f1)
DEVELOP_STAMP := $(VENV)/installed-to-develop-$(shell cksum < requirements-dev.lock.txt | cut -d' ' -f1)
# pip installs uv alone, at the version and with the hashes of the lock; uv installs the rest in a fraction of pip's time.
UV := $(VENV)/bin/uv
UV_LOCK := sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.lock.txt
UV_STAMP := $(VENV)/installed-uv-$(shell $(UV_LOCK) | cksum | cut -d' ' -f1)
PIP_INSTALL := $(PYTHON) -m pip install --quiet --quiet --disable-pip-version-check --no-input --require-hashes
UV_INSTALL := $(UV) pip install --quiet --python $(PYTHON) --link-mode copy --require-hashes
UV_COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"

# `make run` is the embedded default whatever the shell has exported for other servers.
EMBEDDED := env -u DATABASE_URL -u REDIS_URL BIND=127.0.0.1:$(PORT) SITE_URL=http://127.0.0.1:$(PORT)
# `make lint` looks at the settings as production has them; nothing is connected to.
LIKE_PRODUCTION := MOMENTVERSE_MODE=production SITE_URL=https://momentverse.example EMAIL_URL=console: TRUSTED_PROXIES=1 \
	ALLOWED_HOSTS=momentverse.example DATABASE_URL=postgresql://momentverse@localhost/momentverse \
	REDIS_URL=redis://localhost:6379/0 \
	SECRET_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(50))')

.DEFAULT_GOAL := help
.PHONY: help run dev serve test bench load lighthouse budgets lint format lock clean chromium

help: ## list what can be done
	@echo "make run      MomentVerse on this machine: needs Python alone, keeps its data in .data"
	@echo "make dev      the same while writing code: reloads itself, shows what each page costs"
	@echo "make serve    as in production, on DATABASE_URL and REDIS_URL"
	@echo "make test     all tests, on PostgreSQL and Redis and on the embedded default"
	@echo "make bench    speed as ratios, in one table, up to 5,000,000 moments (half an hour; ARGS='--quick --rows=100000')"
	@echo "make load     200 users, then 10,000 visitors, on a site as in production (10 minutes; ARGS='--seconds=10')"
	@echo "make lighthouse  every public page as Lighthouse sees it, beside the goals (a quarter of an hour)"
	@echo "make budgets  what every public page costs in bytes, against its limits"
	@echo "make lint     style, types, templates, scripts, styles, migrations, deployment settings"
	@echo "make format   bring code into shape"
	@echo "make lock     write the requirements' lock files anew (ARGS=--upgrade also takes newer releases of what they need)"
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

budgets: $(DEVELOP_STAMP)
	@$(EMBEDDED) MOMENTVERSE_MODE=embedded $(MANAGE) bootstrap --port $(PORT)
	@$(EMBEDDED) MOMENTVERSE_MODE=embedded $(PYTHON) -m tests.budgets

lint: $(DEVELOP_STAMP)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/djlint --quiet --lint templates
	@$(PYTHON) -m tests.biome check --log-level=warn static tests
	@$(EMBEDDED) $(MANAGE) makemigrations --check --dry-run
	@$(LIKE_PRODUCTION) $(MANAGE) check --deploy --fail-level WARNING

format: $(DEVELOP_STAMP)
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format --quiet .
	@$(PYTHON) -m tests.biome check --write --log-level=warn static tests

# The lock of production is held to that of development, so that what is deployed is what was tested.
lock: $(UV_STAMP)
	@$(UV_COMPILE) $(ARGS) --output-file requirements-dev.lock.txt requirements-dev.txt
	@$(UV_COMPILE) --constraints requirements-dev.lock.txt --output-file requirements.lock.txt requirements.txt

clean:
	@rm -rf $(VENV) .data/static tests/lighthouse/node_modules tests/biome/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The browser for the browser tests, installed only where nobody needs to be asked. Not every
# distribution has the headless shell, which makes them faster.
chromium:
	@if command -v chromium > /dev/null || command -v google-chrome > /dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		echo "Installing Chromium for the browser tests ..."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends chromium fonts-liberation > /dev/null; \
		apt-get install -y -qq --no-install-recommends chromium-headless-shell > /dev/null 2>&1 || :; \
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

$(UV_STAMP): | $(PYTHON)
	@$(UV_LOCK) > $(VENV)/uv.lock.txt
	@$(PIP_INSTALL) --requirement $(VENV)/uv.lock.txt
	@touch $@

$(RUN_STAMP): $(UV_STAMP)
	@echo "Installing what MomentVerse needs (once) ..."
	@$(UV_INSTALL) --compile-bytecode --requirement requirements.lock.txt
	@touch $@

$(DEVELOP_STAMP): $(UV_STAMP)
	@echo "Installing what MomentVerse and its tests need (once) ..."
	@$(UV_INSTALL) --requirement requirements-dev.lock.txt
	@touch $@ $(RUN_STAMP)
