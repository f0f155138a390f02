"""Trains the bundled model's tokenizer: byte-level BPE of 8192 pieces, cut for Python.

In: data/files.jsonl. Out: a folder with tokenizer.json and tokenizer_config.json in the layout of transformers'
PreTrainedTokenizerFast. Knows nothing of the model.

    python -m training.tokenizer

Three rules make it a tokenizer for *filling*:
a line feed and the indentation behind it are one piece, and nothing else ever joins them, so that every line's end
is a token's end and a hole of whole lines starts and ends between tokens;
one of `.@([{=` or a blank in front of a word may join it, because that is how Python spells accesses and calls;
every digit is a piece of its own, because numbers are spelled, not remembered.
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from training import DATA
from training.bpe import END_OF_TEXT, EXPAND, MASK, PAD, PATH, PIECE, SEP, SPECIALS

VOCABULARY = 8192
SAMPLE_CHARS = 20_000_000  # the merges settle long before the whole corpus is read


def untrained() -> Tokenizer:
    """A tokenizer with our splitting rule and no merges yet."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECE), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train(texts: Iterator[str]) -> Tokenizer:
    """Learn the merges."""
    tokenizer = untrained()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),  # all 256 bytes, so that no text is unknown
        max_token_length=40,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def load(folder: Path) -> Tokenizer:
    """The trained tokenizer; the names of special tokens inside a text are plain text to it."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write both files."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIALS[END_OF_TEXT],
        "eos_token": SPECIALS[END_OF_TEXT],
        "pad_token": SPECIALS[PAD],
        "mask_token": SPECIALS[MASK],
        "extra_special_tokens": {
            "expand_token": SPECIALS[EXPAND],
            "path_token": SPECIALS[PATH],
            "sep_token": SPECIALS[SEP],
        },
        "model_max_length": 2048,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")


def sample(files: Path, chars: int) -> Iterator[str]:
    """Training texts in a fixed random order until `chars` are through."""
    rows = [json.loads(line) for line in files.open()]
    texts = [row["text"] for row in rows if row["split"] == "train"]
    random.Random(0).shuffle(texts)
    for text in texts:
        yield text
        chars -= len(text)
        if chars < 0:
            return


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=Path, default=DATA / "files.jsonl")
    parser.add_argument("--out", type=Path, default=DATA / "tokenizer")
    arguments = parser.parse_args()
    tokenizer = train(sample(arguments.files, SAMPLE_CHARS))
    save(tokenizer, arguments.out)
    print(f"{tokenizer.get_vocab_size()} pieces in {arguments.out}")


if __name__ == "__main__":
    main()
