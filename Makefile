# Every command of the book. Each works by itself on a fresh clone, and does no work twice.

# An interpreter to make .venv with, when the one found first is not the one wanted: make PYTHON=/path/to/python3
PYTHON ?=
# More options for pytest: make test PYTEST_ARGS="-k losses"
PYTEST_ARGS ?=
# A folder for the runs' reports, which .ci/run counts.
REPORTS ?=
report = $(if $(REPORTS),--junitxml=$(REPORTS)/$(1).xml)

PY := .venv/bin/python
export PYTHON

# One thread: for small batches two are slower, and every side of a measurement must have the same number.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
# Notebooks run on .venv's own kernel with pictures inline, whatever the user has set up.
export JUPYTER_PREFER_ENV_PATH := 1
export JUPYTER_PLATFORM_DIRS := 1
export IPYTHONDIR := $(CURDIR)/_build/ipython
export MPLBACKEND := module://matplotlib_inline.backend_inline
export PYTHONNOUSERSITE := 1
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP

.PHONY: offline serve twins help environment book test again lab course torch bench reproduce format lint lock clean
# One thing after the other, even with -j: two installs in one environment would spoil each other.
.NOTPARALLEL:

help:
	@echo "make book       execute every chapter and build the site in _build/html"
	@echo "make serve      the same on 127.0.0.1, where the pages run their own code"
	@echo "make test       test the package, the notebooks and the site"
	@echo "make twins      check the chapters' claims as other processors might round"
	@echo "make lab        open the chapters in JupyterLab"
	@echo "make course     student and instructor editions and slides, in _build/course"
	@echo "make offline    the site as one archive, in _build"
	@echo "make bench      time the package beside PyTorch, scikit-learn and bare matrix products"
	@echo "make reproduce  run the ten-seed MNIST table again, into book/data"
	@echo "make format     tidy code and notebooks"
	@echo "make lint       what \`make format\` would change, and the types"
	@echo "make torch      install PyTorch, so that the chapter on frameworks and the tests can use it"
	@echo "make lock       pin the newest versions in the folder locks"
	@echo "make clean      remove what was built (and .venv)"

# What builds the book. A target that needs more names its groups, each a file in `locks`, to be installed on top:
# `with-test` is the group test (so `mytarget: with-live` installs what runs code in the page).
environment:
	@sh .ci/environment book
with-%:
	@sh .ci/environment book $*

book: environment
	@.venv/bin/jupyter-book build -W --keep-going .
	@echo "The page to open: file://$(CURDIR)/_build/html/index.html"

# The same site with Python for its pages, at an address of this machine: a page opened as a file cannot run code.
PORT ?= 8000
serve: with-live book
	@$(PY) -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

# Notebooks and test modules are spread over two processes, each staying whole, the longest first. (pytest's 5: none of
# the tests asked for was among these.)
PYTEST := $(PY) -m pytest --nbval --nbval-lax --nbval-current-env --nbval-cell-timeout=900 -n 2 --dist loadscope --no-loadscope-reorder -q -rfEs

# Every chapter is executed once: nbval's runs are stored where the build of the book finds them.
test: with-test with-course with-live
	@failed=0; \
	$(PYTEST) tests/notebooks book/*.ipynb $(call report,tests-chapters) $(PYTEST_ARGS) || [ $$? = 5 ] || failed=1; \
	$(MAKE) --no-print-directory book || exit 1; \
	$(PYTEST) tests --ignore=tests/notebooks $(call report,tests-rest) $(PYTEST_ARGS) || [ $$? = 5 ] || failed=1; \
	exit $$failed

# What must hold even where neither the data nor a network can be had (see .ci/run).
again: with-test
	@$(PYTEST) tests/package/test_data.py tests/package/test_datasets.py tests/package/test_download.py $(call report,again) $(PYTEST_ARGS)

# Every chapter as other processors might round it: a claim that fails is an error.
twins: with-test
	@$(PY) .ci/rehearse --twins 1 2 3 4 5

# The Jupyter edition, copied into the folder `notebooks`, where the reader's work is never overwritten.
lab: with-lab book
	@$(PY) book/_extensions/lab.py
	@cd notebooks && ../$(PY) -m jupyterlab intro.ipynb

# The site as one archive, for a memory stick or a classroom without a network.
offline: book
	@$(PY) book/_extensions/offline.py

course: with-course
	@$(PY) book/_extensions/course.py

bench: environment
	@$(PY) benchmarks/bench.py

reproduce: environment
	@$(PY) benchmarks/reproduce.py

format: with-test
	@$(PY) -m ruff check --fix --quiet .
	@$(PY) -m ruff format --quiet .
	@$(PY) -m nbstripout --keep-id --extra-keys metadata.language_info.version book/*.ipynb
	@$(PY) .ci/tidy book/*.ipynb

lint: with-test
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

# About 1 GB, or several with its files for graphics cards; nothing else in the book needs it.
torch: with-torch

lock: with-test
	@sh .ci/lock

clean:
	@rm -rf _build .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis build code/*.egg-info
	@find book code tests benchmarks -name __pycache__ -prune -exec rm -rf {} + -o -name .ipynb_checkpoints -prune -exec rm -rf {} +
