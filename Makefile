# From transactions to a gated, served model. `make help` lists the targets; `make all` is what you want first.

DATA ?= $(or $(FRAUD_DATA),data/creditcard.csv)
BUILD ?= $(or $(FRAUD_BUILD),build)
PYTHON ?= python3
PORT ?= $(or $(FRAUD_PORT),8000)
IMAGE ?= fraud-gate:latest

# What a result depends on. These reach the steps as FRAUD_* variables, and a change of one re-makes what it touches.
export FRAUD_DATA := $(DATA)
export FRAUD_BUILD := $(BUILD)
export FRAUD_PORT := $(PORT)
export FRAUD_DATA_SOURCE := $(or $(DATA_SOURCE),$(FRAUD_DATA_SOURCE))
export FRAUD_BASELINE := $(or $(BASELINE),$(FRAUD_BASELINE))
export FRAUD_PREVALENCE := $(or $(PREVALENCE),$(FRAUD_PREVALENCE))
export FRAUD_TWIN_ROWS := $(or $(TWIN_ROWS),$(FRAUD_TWIN_ROWS))
export FRAUD_TWIN_FRAUDS := $(or $(TWIN_FRAUDS),$(FRAUD_TWIN_FRAUDS))
export FRAUD_VOLUME := $(or $(VOLUME),$(FRAUD_VOLUME))
export FRAUD_BUDGET := $(or $(BUDGET),$(FRAUD_BUDGET))
export FRAUD_ROUNDS := $(or $(ROUNDS),$(FRAUD_ROUNDS))
export FRAUD_ALL_ROWS := $(or $(ALL_ROWS),$(FRAUD_ALL_ROWS))

# Libraries that would report usage or ask for updates don't.
export ORT_DISABLE_TELEMETRY := 1
export GX_ANALYTICS_ENABLED := false
export DISABLE_PANDERA_IMPORT_WARNING := True

VENV := .venv
READY := $(VENV)/.installed
RUN := $(VENV)/bin/python

SHARED := fraud/errors.py fraud/schema.py fraud/costs.py fraud/settings.py fraud/artefacts.py fraud/terminal.py
DATASET := $(SHARED) $(wildcard fraud/dataset/*.py)
MODEL := $(DATASET) fraud/bundle.py fraud/features.py $(wildcard fraud/metrics/*.py)
LEARN := $(wildcard fraud/learn/*.py) fraud/learn/candidates.toml
CHAMPION := $(wildcard $(addsuffix /model*/manifest.json,$(FRAUD_BASELINE)) $(addsuffix /gate.json,$(FRAUD_BASELINE)))
TEMPLATES := $(wildcard fraud/report/*.py fraud/report/templates/*)

# A step's record stands for all that the step made: where any of that is gone, the step runs again.
lost = $(if $(filter-out $(wildcard $(1)),$(1)),lost)
# The twin is, where the data are no file of the user's.
TWIN := $(if $(shell grep -s '"path": "$(BUILD)/twin.parquet"' $(BUILD)/data.json),$(BUILD)/twin.parquet)
# Of all rows one bundle alone is fitted, which nothing is held against.
JUDGED := $(if $(shell grep -s '"all rows": {' $(BUILD)/training.json),,pipeline.parquet \
    $(addsuffix /manifest.json,logistic reference model-past logistic-past reference-past))

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all data validate explore train select experiments evaluate check-model report gate history image serve test test-long lint \
	bench bench-serving lock clean help settings-changed lost

all: report gate ## everything: from nothing to the report and the verdict of the gates

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: DATA=$(DATA) BUILD=$(BUILD) BASELINE=$(BASELINE) PREVALENCE=$(PREVALENCE) VOLUME=$(VOLUME)" \
	  "DATA_SOURCE=$(or $(DATA_SOURCE),auto)" \
	  "PYTHON=$(PYTHON) PORT=$(PORT) IMAGE=$(IMAGE)"

# --- the virtual environment ---------------------------------------------------------------------------------------

$(READY): requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# --- the pipeline ----------------------------------------------------------------------------------------------------

# Each holds settings as they were; its time moves only when they do. The `+` keeps `make -n` truthful. The champion is
# apart, since another one changes no more than the comparison, and the volume, which changes no more than the report.
$(BUILD)/settings: MATTERS := grep -v -E '^FRAUD_(ACCESS_LOG|API_KEYS_FILE|BASELINE|BUDGET|BUILD|BUNDLE|HOST|LOG_TRANSACTIONS|PORT|RATE_LIMIT|RATE_STORE|ROUNDS|VOLUME|WORKERS)='
$(BUILD)/settings.baseline: MATTERS := grep '^FRAUD_BASELINE='
$(BUILD)/settings.volume: MATTERS := grep '^FRAUD_VOLUME='
$(BUILD)/settings $(BUILD)/settings.baseline $(BUILD)/settings.volume: settings-changed
	+@mkdir -p $(BUILD)
	+@env | grep '^FRAUD_' | $(MATTERS) | LC_ALL=C sort > $@.part
	+@cmp -s $@.part $@ && rm $@.part || mv $@.part $@

data: $(BUILD)/data.json ## get the transactions, or draw the synthetic twin
$(BUILD)/data.json: $(wildcard $(DATA)) data/twin.json $(BUILD)/settings $(DATASET) $(call lost,$(TWIN)) | $(READY)
	$(RUN) -m fraud data

validate: $(BUILD)/validation.json ## hold the data against its contract
$(BUILD)/validation.json: $(BUILD)/data.json checks/thresholds.py $(wildcard checks/data/*.py) $(call lost,$(BUILD)/validation)
	$(RUN) -m checks data

explore: $(BUILD)/explore.json ## draw the exploratory figures
$(BUILD)/explore.json: $(BUILD)/validation.json $(wildcard fraud/explore/*.py) fraud/metrics/weights.py \
    fraud/report/canvas.py $(call lost,$(BUILD)/figures)
	$(RUN) -m fraud explore

train: $(BUILD)/training.json ## calibrate and fit the recipe of fraud/learn/recipe.toml
$(BUILD)/training.json: $(BUILD)/validation.json $(MODEL) $(LEARN) fraud/learn/recipe.toml \
    $(call lost,$(addprefix $(BUILD)/,model/manifest.json $(JUDGED)))
	$(RUN) -m fraud train

select: $(BUILD)/validation.json ## choose the recipe anew on DATA, within BUDGET minutes; writes fraud/learn/recipe.toml
	$(RUN) -m fraud select

experiments: $(BUILD)/validation.json ## study candidates, imbalance and features on DATA, within BUDGET minutes
	$(RUN) -m fraud experiments

evaluate: $(BUILD)/metrics.json ## score the bundles on the rows kept apart
$(BUILD)/metrics.json: $(BUILD)/training.json $(BUILD)/settings.baseline $(CHAMPION) $(MODEL) fraud/graph.py fraud/scorer.py \
    $(wildcard fraud/evaluate/*.py) fraud/evaluate/metrics.schema.json $(call lost,$(BUILD)/scores.parquet)
	$(RUN) -m fraud evaluate

# Exit code 1 is a verdict, which `gate` repeats once the report is written.
check-model: $(BUILD)/gate.json ## hold the model against its gates
$(BUILD)/gate.json: $(BUILD)/metrics.json $(BUILD)/validation.json $(wildcard checks/*.py) checks/thresholds.toml \
    $(call lost,$(BUILD)/gate.xml)
	$(RUN) -m checks model || test $$? -eq 1

report: $(BUILD)/report/index.html ## write the report
$(BUILD)/report/index.html: $(BUILD)/gate.json $(BUILD)/explore.json $(BUILD)/settings.volume $(TEMPLATES) \
    $(call lost,$(addprefix $(BUILD)/report/,report.md model_card.md datasheet.md))
	$(RUN) -m fraud report

gate: $(BUILD)/report/index.html ## say whether the model may ship; fails on a "no"
	@$(RUN) -m checks gate $(if $(filter true,$(GITHUB_ACTIONS)),--github)

history: $(READY) ## show the last runs of BUILD and draw their trend
	$(RUN) -m fraud history

# --- what ships --------------------------------------------------------------------------------------------------------

image: gate ## build the image of the API, after a passing gate
	$(RUN) -m checks image --tag $(IMAGE)

serve: $(BUILD)/training.json ## serve the API on PORT
	$(RUN) -m fraud serve

# --- the project itself ------------------------------------------------------------------------------------------------

test: $(READY) ## run the tests, with coverage
	$(RUN) -m pytest --cov --cov-fail-under=90

test-long: $(READY) ## run the long tests: make itself, the README's commands; a soak, fuzzers
	$(RUN) -m pytest -m 'long or endurance'

lint: $(READY) ## ruff, mypy, actionlint, shellcheck, zizmor, hadolint
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/actionlint -shellcheck $(VENV)/bin/shellcheck
	$(VENV)/bin/shellcheck .ci/run .github/summary
	$(VENV)/bin/zizmor --offline --quiet .github
	$(VENV)/bin/hadolint Dockerfile

bench: $(READY) ## measure the steps against the blog post's script
	$(RUN) -m benchmarks

bench-serving: $(BUILD)/training.json ## measure the API against the blog post's; needs wrk
	$(RUN) -m benchmarks.serving

lock: ## pin every requirement anew (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-header -o requirements.txt
	uv pip compile pyproject.toml --universal --python-version 3.11 --no-header -o requirements-serve.txt

# The history alone can't be made again.
clean: ## remove what was made, but not the virtual environment, the data or the history
	git clean -fdXq --exclude='!/build/history.jsonl' build
