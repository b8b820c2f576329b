# make demo   one picture, rendered with the built-in defaults
# make test   style, types and tests, as CI runs them
PYTHON ?= python3
DEMO := .venv-demo
TEST := .venv-test

.PHONY: demo test test-slow test-mobile docs pairs truth speed startup light eye align pairset resume study zoo export feel held \
	screens challenge scores page picture clean

demo: $(DEMO)/installed
	mkdir -p out
	$(DEMO)/bin/wideopen sample -o out/sample.jpg --overwrite
	$(DEMO)/bin/wideopen render out/sample.jpg --overwrite
	@echo "Before: out/sample.jpg   After: out/sample.bokeh.jpg"

test: $(TEST)/installed
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy
	$(TEST)/bin/python -m pytest -n 2

test-slow: $(TEST)/installed $(TEST)/installed-ray
	$(TEST)/bin/python -m pytest -m slow --hypothesis-profile=default

# LiteRT holds other packages back, so it has an environment of its own; needs chromium and libvulkan1 for the GPU check
test-mobile: .venv-mobile/installed
	.venv-mobile/bin/python -m pytest tests/test_export_litert.py tests/test_challenge_litert.py -p no:anyio

.venv-mobile/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-mobile
	.venv-mobile/bin/python -m pip install --quiet -c constraints.txt torch litert-torch ai-edge-litert
	.venv-mobile/bin/python -m pip install --quiet -c constraints.txt -e '.[research,challenge]' beartype pytest hypothesis
	touch $@

# The references of docs/, from the code itself
docs: $(TEST)/installed
	$(TEST)/bin/python docs/write.py

# How near to real f/1.8 photos; PAIRS is a folder of aperture pairs with depth
PAIRS ?= ../shared/data/pairs
pairs: $(TEST)/installed
	$(TEST)/bin/python bench/pairs.py $(PAIRS) --json bench/results/pairs.json > bench/results/pairs.md

# How near to path-traced truth; scenes that need models are left out where the folders are missing
MODELS ?= ../shared/data/models
ENVIRONMENTS ?= ../shared/data/hdr/rooms-and-skies
truth: $(TEST)/installed
	$(PYTHON) -m venv .venv-truth
	.venv-truth/bin/python -m pip install --quiet -r bench/truth/requirements.txt
	.venv-truth/bin/python bench/truth/generate.py out/truth --models $(MODELS) --environments $(ENVIRONMENTS)
	$(TEST)/bin/python bench/truth/measure.py out/truth --json bench/results/truth.json --pictures out/truth-pictures \
		> bench/results/truth.md

# How fast, on a quiet machine
speed: $(TEST)/installed
	$(TEST)/bin/python bench/speed.py --json bench/results/speed.json > bench/results/speed.md

# What one command costs in all, in time and memory
startup: $(TEST)/installed
	$(TEST)/bin/python bench/startup.py --json bench/results/startup.json > bench/results/startup.md

# How well the light of lamps is restored; HDR is a folder of OpenEXR and Radiance pictures
HDR ?= ../shared/data/hdr
light: $(TEST)/installed
	$(TEST)/bin/python bench/light.py $(HDR) --json bench/results/light.json > bench/results/light.md

# How well depth and subject are found; DATA is a folder of pairs/, masks/, ebb-inputs/, stereo/ and phone/
DATA ?= ../shared/data
eye: $(TEST)/installed
	$(TEST)/bin/python bench/eye.py $(DATA) --json bench/results/eye.json > bench/results/eye.md

# How exactly shots are aligned, and how fast training crops come; PHOTOS is a folder of sharp photos
PHOTOS ?= ../shared/data/photos/clic
align: $(TEST)/installed
	$(TEST)/bin/python bench/align.py $(PHOTOS) --json bench/results/align.json > bench/results/align.md
pairset: $(TEST)/installed
	$(TEST)/bin/python bench/pairset.py --json bench/results/pairset.json > bench/results/pairset.md
resume: $(TEST)/installed
	$(TEST)/bin/python bench/resume.py $(PHOTOS) --json bench/results/resume.json > bench/results/resume.md

# 200 raters at once, and a server that is killed under them; on a quiet machine
study: $(TEST)/installed
	$(TEST)/bin/python bench/study.py --json bench/results/study.json > bench/results/study.md

# What the networks cost, each in seconds, memory and multiplications; on a quiet machine
zoo: $(TEST)/installed
	$(TEST)/bin/python bench/zoo.py --json bench/results/zoo.json > bench/results/zoo.md

# What leaves PyTorch as ONNX and LiteRT, and how fast it is then; RUNS is a folder of trained runs; on a quiet machine
RUNS ?= out/challenge/runs
export: $(TEST)/installed .venv-mobile/installed
	$(TEST)/bin/python -m pip install --quiet -c constraints.txt -e '.[openvino]'
	.venv-mobile/bin/python bench/litert.py --size 1536x1024 --keep out/litert --json bench/results/litert.json
	$(TEST)/bin/python bench/export.py --checkpoints $(RUNS) --photos $(PHOTOS) --litert bench/results/litert.json \
		--json bench/results/export.json > bench/results/export.md

# How the studio feels, from ring to picture, and its memory; on a quiet machine
feel: $(TEST)/installed
	$(TEST)/bin/python bench/studio.py --json bench/results/studio.json > bench/results/studio.md

# A whole challenge, held by a script: teams, good and bad submissions, phases, boards
held: $(TEST)/installed
	rm -rf out/held
	$(TEST)/bin/python bench/held.py out/held --json bench/results/held.json --images docs/images > bench/results/held.md

# Pictures of the studio in docs/
screens: $(TEST)/installed
	$(TEST)/bin/python docs/screens.py

# Five solutions trained for minutes each, on pairs synthesised of sharp photos, and scored; PHOTO_SETS holds such photos
PHOTO_SETS ?= ../shared/data/photos
challenge: $(TEST)/installed out/development
	$(TEST)/bin/wideopen pairs synthesise $(PHOTO_SETS)/clic $(PHOTO_SETS)/kodak $(PHOTO_SETS)/cid22 -o out/challenge/pairs
	$(TEST)/bin/wideopen pairs split out/challenge/pairs
	$(TEST)/bin/python bench/challenge.py out/challenge/pairs --real out/development/wide-open --out out/challenge/runs \
		--scores scores/challenge --page bench/results/challenge.md --curves docs/images/challenge.svg

# Twenty photos rendered with no options, in out/page to look at; DATA is a folder of photos/ and camera-originals/
page: $(TEST)/installed
	$(TEST)/bin/python bench/page.py $(DATA) out/page

# The bundled photo and its true twin, path-traced anew
picture:
	$(PYTHON) -m venv .venv-picture
	.venv-picture/bin/python -m pip install --quiet -r bench/picture/requirements.txt .
	.venv-picture/bin/python bench/picture/render.py out/picture

clean:
	rm -rf $(DEMO) $(TEST) .venv-picture .venv-truth out

$(DEMO)/installed: pyproject.toml
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet -c constraints.txt .
	touch $@

# Floors and our own lens on the development pairs, timed on a quiet machine, with the leaderboards of them
SCORE = $(TEST)/bin/wideopen score --overwrite --gallery 3 --pairs out/development
scores: $(TEST)/installed out/development
	for set in wide-open near-far; do \
		$(SCORE)/$$set identity -o scores/$$set/identity.json --time && \
		$(SCORE)/$$set gaussian -o scores/$$set/gaussian.json --time && \
		$(SCORE)/$$set lens -o scores/$$set/lens.json --time && \
		$(SCORE)/$$set lens --name lens-given-depth --given-depth -o scores/$$set/lens-given-depth.json && \
		$(SCORE)/$$set lens --name lens-given-both --given-depth --given-focus -o scores/$$set/lens-given-both.json && \
		$(TEST)/bin/wideopen leaderboard scores/$$set --by psnr_db -o bench/results/$$set.md --overwrite || exit 1; done
	$(TEST)/bin/python bench/protocols.py out/development/wide-open out/development/near-far \
		--json bench/results/protocols.json > bench/results/protocols.md

out/development: bench/development.py
	$(TEST)/bin/python bench/development.py $(DATA) $@

$(TEST)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install --quiet -c constraints.txt -e '.[dev,research,fetch,pairs,tensorboard,study,studio,challenge]'
	touch $@

$(TEST)/installed-ray: $(TEST)/installed
	$(TEST)/bin/python -m pip install --quiet -c constraints.txt -e '.[ray]'
	touch $@
