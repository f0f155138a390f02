"""Text to ids and back, over the Rust `tokenizers` library.

In: a checkpoint's folder with tokenizer.json, or vocab.json and merges.txt. Out: a `denoiser.Tokenizer`. Knows no weights; it
never imports transformers, whose AutoTokenizer refuses Dream folders unless their own code may run.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers

from dlm_lsp.errors import ModelError

QWEN2_PIECE = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Where Qwen2's tokenizer cuts a text before merging; vocab.json and merges.txt do not say it."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def replace_surrogates(text: str) -> str:
    """Give `text` with U+FFFD for every lone surrogate, which no UTF-8 can hold."""
    return _SURROGATE.sub("\ufffd", text)


class BpeTokenizer:
    """A `denoiser.Tokenizer` whose added tokens are all out of reach of a text.

    Text comes back as it went in, except for what the checkpoint's own normalizer changes (Qwen2: NFC).
    """

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        added = inner.get_added_tokens_decoder()
        for token in added.values():
            # Qwen2 lists <tool_call> and others as ordinary added tokens; those would be found in the user's text.
            token.special = True
        inner.add_special_tokens(list(added.values()))
        inner.encode_special_tokens = True
        inner.no_truncation()
        inner.no_padding()
        self._inner = inner
        self.special_ids = frozenset(added)
        """The ids of all added tokens."""
        self.ids = frozenset(inner.get_vocab().values())
        """All ids that stand for something; there may be gaps."""

    def encode(self, text: str) -> list[int]:
        """Give the ids of `text`; no special token is added or recognised."""
        return self._inner.encode(replace_surrogates(text), add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """Give the text of `ids`; special tokens and ids without a token vanish."""
        return self._inner.decode(list(ids), skip_special_tokens=True)

    def piece_texts(self) -> list[str]:
        """Give the text of every id, empty for special tokens."""
        return self._inner.decode_batch([[token] for token in range(max(self.ids) + 1)], skip_special_tokens=True)

    def special_id(self, name: str) -> int | None:
        """Give the id of a special token by the name between its marks, or None."""
        return self._inner.token_to_id(f"<|{name}|>")


def read_tokenizer(folder: Path) -> BpeTokenizer:
    """Read a checkpoint's tokenizer; raise ModelError where there is none or its files are broken."""
    if (folder / "tokenizer.json").is_file():
        files = "tokenizer.json"
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        files = "vocab.json or merges.txt"
    else:
        raise ModelError(f"{folder} has neither tokenizer.json nor vocab.json with merges.txt; download them again")
    try:
        if files == "tokenizer.json":
            return BpeTokenizer(tokenizers.Tokenizer.from_file(str(folder / files)))
        return BpeTokenizer(_qwen2(folder))
    except Exception as error:  # the Rust library raises bare Exceptions
        raise ModelError(f"{folder}: {files} cannot be read ({error}); download the tokenizer again") from error


def _qwen2(folder: Path) -> tokenizers.Tokenizer:
    """Put together what transformers' Qwen2Tokenizer makes of vocab.json and merges.txt."""
    vocab, merges = models.BPE.read_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    added = _added_tokens(folder)
    inner = tokenizers.Tokenizer(models.BPE(vocab | added, merges))  # the added ones keep the ids they have in `vocab`
    inner.normalizer = normalizers.NFC()
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_PIECE), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in added])
    return inner


def _added_tokens(folder: Path) -> dict[str, int]:
    """Read the added tokens and their ids, from where older and newer checkpoints keep them."""
    added: dict[str, int] = {}
    if (folder / "added_tokens.json").is_file():
        added |= json.loads((folder / "added_tokens.json").read_text(encoding="utf-8"))
    if (folder / "tokenizer_config.json").is_file():
        config: dict[str, Any] = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        added |= {token["content"]: int(number) for number, token in config.get("added_tokens_decoder", {}).items()}
    return added
