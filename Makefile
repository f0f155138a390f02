# make run: see it work.   make test: every test.   make check: what CI runs, without the wheel.
PYTHON  ?= python3
VENV    ?= .venv
BIN     := $(VENV)/bin
MINUTES ?= 25
SIZE    ?= nano

.PHONY: run test lint generate picture replay check wheel wheel-test node-client corpus train clean vsix check-vscode
.PHONY: editors-system pictures-editors test-editors test-editors-vscode test-editors-nvim test-editors-emacs test-editors-helix

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "installing into $(VENV): PyTorch is large, the first time takes minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

run: $(VENV)/.installed
	$(BIN)/dlm-lsp demo

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/python benchmarks/report.py --check

# What is written from the code: docs/settings.md, and the README's numbers.
generate: $(VENV)/.installed
	$(BIN)/python docs/generate.py
	$(BIN)/python benchmarks/report.py

# The README's pictures, from runs of the bundled model.
picture: $(VENV)/.installed
	$(BIN)/python docs/decode.py
	mkdir -p build
	$(BIN)/dlm-lsp trace examples/unfinished/lru_cache.py:16:9 --sampler saber --length fixed:tokens=24 --temperatures 0,0.5,1 --deadline-ms 600000 --device cpu --threads 1 --out build/trace.html --png docs/trace.png

# Recorded typing against the server, in real time: ten minutes of a machine that does nothing else.
replay: $(VENV)/.installed
	$(BIN)/python -m benchmarks.replay

# One process a core; a file's tests stay together, for they share a server.
test: $(VENV)/.installed
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

check: lint test

# The wheel, in an environment that holds nothing else: what a user gets.
wheel-test: $(VENV)/.installed
	rm -rf dist build/wheel
	$(BIN)/python -m build --wheel --outdir dist .
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt dist/*.whl
	cd build && wheel/bin/dlm-lsp --version && wheel/bin/dlm-lsp doctor
	cd build && wheel/bin/dlm-lsp finetune --help && wheel/bin/python -m dlm_lsp_training.finetune --help

wheel: $(VENV)/.installed
	$(BIN)/python -m build --wheel --outdir dist .

# The VS Code extension; needs Node. Its .vsix holds the server's wheel.
vscode-extension/node_modules: vscode-extension/package.json
	npm install --no-audit --no-fund --ignore-scripts --prefix vscode-extension
	touch $@

check-vscode: vscode-extension/node_modules
	npm run --silent --prefix vscode-extension check

vsix: wheel vscode-extension/node_modules
	npm run --silent --prefix vscode-extension package

# What the editors' tests need from Debian: does nothing where it is there, and takes root or sudo to install it.
editors-system:
	tests/editors/system.sh

# The real editors, with the server and a scripted model, and once with the bundled one.
test-editors: test-editors-vscode test-editors-nvim test-editors-emacs test-editors-helix

# VS Code's workbench in Chromium; screenshots stay in build/vscode/screenshots. A test that is skipped is a failure. Whoever hangs is
# ended: nothing in a browser has a limit of its own.
test-editors-vscode: vsix
	tests/editors/vscode/install.sh
	timeout --kill-after=30 1500 node --test --test-concurrency=1 --test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter=tap --test-reporter-destination=build/vscode/results.tap tests/editors/vscode/*.test.mjs
	@! grep -E '^# (skipped|todo) [1-9]' build/vscode/results.tap

# Neovim 0.7 and 0.12, headless and in tmux; 0.12 is unpacked into build/editors.
test-editors-nvim: $(VENV)/.installed vscode-extension/node_modules
	node tests/editors/nvim/stylua.mjs --check
	cd nvim-plugin && luacheck --quiet .
	tests/editors/get.sh nvim
	$(BIN)/pytest --timeout=400 tests/editors/nvim

# Emacs 28 and 30 in batch, with eglot and with lsp-mode, and ghost text in tmux; 30 is unpacked into build/editors.
test-editors-emacs: $(VENV)/.installed
	tests/editors/get.sh emacs
	$(BIN)/pytest --timeout=400 tests/editors/emacs

# Helix in tmux, unpacked into build/editors.
test-editors-helix: $(VENV)/.installed
	tests/editors/get.sh helix
	$(BIN)/pytest --timeout=400 tests/editors/helix

# The pictures of docs/editors: those of terminals from editors that run now, those of VS Code from its last tests' screenshots.
pictures-editors: $(VENV)/.installed
	tests/editors/get.sh nvim
	tests/editors/get.sh emacs
	tests/editors/get.sh helix
	$(BIN)/python -m tests.editors.pictures
	$(BIN)/python tests/editors/vscode/pictures.py

# What the bundled model was trained on, once more, byte for byte as the manifest names it: 200 MB of wheels, five minutes of a core.
corpus: $(VENV)/.installed
	$(BIN)/python -m training.corpus --corpus $(SIZE)
	$(BIN)/python -m training.stream --corpus $(SIZE)

# Needs the token stream, which `make corpus` makes: see training/README.md.   On a GPU: make train SIZE=small, and training/GPU.md
train: $(VENV)/.installed
	$(BIN)/python -m training.train --size $(SIZE) --minutes $(MINUTES)

# Times; on a machine that does nothing else. CASES: files of holes with tests; SETTINGS: the server's, in JSON.
CASES    ?=
SETTINGS ?= {}

bench-ladder: $(VENV)/.installed
	$(BIN)/python -m benchmarks.ladder --settings '$(SETTINGS)' $(if $(CASES),--cases $(CASES))

# Every table of docs/samplers.md, half an hour of two cores; what is finished is kept. HELDOUT: what benchmarks/heldout_holes.py has cut.
HELDOUT ?= training/data/heldout-holes.jsonl
TRY     := $(BIN)/dlm-lsp bench decoders --repair-rounds 0 --minutes 0
TESTED   = $(TRY) --holes $(CASES) --likelihood no --cases build/decoders-tests.cases.jsonl

bench-decoders: $(VENV)/.installed
	$(TESTED) --samplers rules --caches hole --out benchmarks/results/decoders-dev.json
	$(TRY) --holes $(HELDOUT) --likelihood no --samplers rules --caches hole --out benchmarks/results/decoders-corpus.json
	$(TRY) --holes $(HELDOUT) --likelihood only --samplers rules --lengths oracle --out benchmarks/results/decoders.json
	$(TESTED) --samplers threshold strategies dual:criterion=exact dual:criterion=confidence dual:criterion=exact,drafter=skip --caches hole --out benchmarks/results/decoders-strategies.json
	$(TESTED) --samplers threshold --sweep --caches none hole prefix dual dkv-decode dkv-greedy --out benchmarks/results/decoders-caches.json
	$(TESTED) --samplers threshold --sweep --caches hole --lengths auto fixed cal oracle --out benchmarks/results/decoders-lengths.json

bench-growth: $(VENV)/.installed
	$(BIN)/python -m benchmarks.growth --settings '$(SETTINGS)'

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# VS Code's own protocol library as a client of the end-to-end tests; needs Node.
node-client:
	npm install --no-audit --no-fund --prefix tests/e2e/node_client
