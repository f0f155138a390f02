--- Written by `make generate` from dlm_lsp/settings.py: the server's settings, and their defaults.

---@class dlm.Settings
---@field enabled? boolean Whether completions are given at all; off means that the model is never called.
---@field model? string A bundled model's name, a folder with a checkpoint, OWNER/NAME of one that `dlm-lsp models pull` has downloaded, or `scripted:FILE` for demonstrations and tests.
---@field device? 'auto'|'cpu'|'cuda'|'mps' Where the model runs: `auto`, `cpu`, `cuda`, `mps`.
---@field dtype? 'auto'|'float32'|'bfloat16'|'float16'|'int8'|'fp8'|'onnx-int8' Number format of the weights: `auto`, `float32`, `bfloat16`, `float16`, and rounded `int8` (on a CPU some of them; on a GPU those of all layers, which halves their memory), `fp8` (CUDA, compute capability 8.9 and newer) or `onnx-int8` (a CPU, with `pip install 'dlm-lsp[onnx]'`); where one cannot be had the log and `dlm-lsp doctor` say what is taken. On a CPU `auto` tries out what is there and takes a less exact one only where it is clearly faster; on CUDA it is `bfloat16`. `float32` answers alike on all machines.
---@field threads? integer CPU threads of the model; 0 takes one per physical core, and no more than a container is allowed (0 to 1024).
---@field candidates? integer How many different fillings are asked for at once (1 to 8).
---@field maxHoleTokens? integer Upper bound of one filling's length, in tokens (1 to 512).
---@field maxWindowTokens? integer How much of the document the model sees around the hole, in tokens (64 to 32768); the checkpoint's own limit cuts it.
---@field inComments? boolean Whether answers come unasked, while somebody types, in comments and docstrings.
---@field inStrings? boolean Whether answers come unasked in other strings; in the fields of formatted strings they always do.
---@field contextSnippets? integer How many pieces of other open files the model is told at most (0 to 3); only models trained to read them get any.
---@field deadlineMs? integer After this time a request is answered with what is finished, or with nothing (50 to 600000).
---@field prepare? boolean Whether the answer behind every offer is prepared while nobody types, as if the offer were accepted: it then comes at once, but every offer costs some 70 % more model calls, accepted or not (`benchmarks/results/prepare.json`).
---@field warmStart? boolean Whether an answer starts from the one that was offered there before a line near it was changed, and not from nothing: half the model calls, but what it does to quality is not known yet (`benchmarks/results/warm.json`).
---@field threshold? number Confidence above which tokens are committed in the same step (0 to 1); lower is faster and worse.
---@field sampler? string The decoder, which decides what is committed in a step, and its parameters, such as `threshold` or `threshold:threshold=0.7`; `dlm-lsp samplers` lists all, docs/samplers.md what they cost.
---@field cache? string How keys and values are reused between the steps of an answer: `hole`, `prefix`, `dual`, `dkv-decode` or `dkv-greedy`, also with parameters as `hole:steps=4`; `none` computes all of them anew, and is exact. `hole` also keeps them between answers, but for what was typed since, unless it is `hole:across=false`: half the time of `none`, 0.003 to 0.006 nats of drift, and of 102 answers as many parse (`benchmarks/results/drift.json`). docs/samplers.md explains all.
---@field length? string How the length of a hole is found: `auto`, `grow`, `cal`, or `fixed`, also with its number of tokens as `fixed:tokens=16`; docs/samplers.md explains them.
---@field copyPrior? boolean Make likelier what the text around the hole repeats, where the checkpoint comes with `copy_prior.json`; off, for answers of the bundled model parse less often with it.
---@field temperature? number Sampling temperature of all candidates but the first, which is greedy (0 to 2).
---@field seed? integer Same seed, same document, same model: same answer; with a cache that works between answers, up to what it changes.
---@field repairRounds? integer How often a finished text that breaks the syntax is masked again in part and refilled (0 to 8).
---@field showBroken? boolean Show answers that break a document which parsed before; off withholds them.
---@field blockVerbatim? boolean Withhold answers that repeat, word for word, 30 tokens or more (some three lines) of the code that the model was trained on; some that repeat 20 to 29 are withheld too. For those who must not copy other people's code. Only the bundled model comes with the list that this needs.
---@field minLogprob? number Automatic answers whose mean log-probability per token is below this are withheld (-100 to 0).
---@field agreement? integer Of three more answers that are drawn, how many must begin with the same statement for an automatic one to be shown (0 to 3); 0 draws none, anything else makes automatic answers slower.
---@field exclude? string[] Globs of files that are neither filled nor shown to the model, such as `*.gen.py` or `infra/keys`; keys, passwords and credentials (`.env*`, `*.pem`, `.ssh/`, `*secret*` …) always are excluded.

---@type dlm.Settings
return {
  enabled = true,
  model = 'nano',
  device = 'auto',
  dtype = 'auto',
  threads = 0,
  candidates = 1,
  maxHoleTokens = 64,
  maxWindowTokens = 512,
  inComments = true,
  inStrings = false,
  contextSnippets = 3,
  deadlineMs = 4000,
  prepare = false,
  warmStart = false,
  threshold = 0.9,
  sampler = 'threshold',
  cache = 'hole',
  length = 'auto',
  copyPrior = false,
  temperature = 0.7,
  seed = 0,
  repairRounds = 2,
  showBroken = false,
  blockVerbatim = false,
  minLogprob = -6.0,
  agreement = 0,
  exclude = {},
}
