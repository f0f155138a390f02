"""Every decoder stands beside a transcription that owes it nothing, and five mistakes of it at least are known to be noticed."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from dlm_lsp.decoders import DECODERS
from dlm_lsp.sampling.samplers.eb import Eb
from dlm_lsp.sampling.samplers.factor import Factor
from dlm_lsp.sampling.samplers.klass import Klass
from dlm_lsp.sampling.samplers.threshold_dream import ThresholdDream
from tests.sampling import (
    test_draft_then_denoise,
    test_dream,
    test_dual,
    test_kfold,
    test_left_to_right,
    test_llada,
    test_mask_predict,
    test_maskgit,
    test_p2,
    test_parallel_rules,
    test_remdm,
    test_self_speculation,
    test_taking_back_rules,
    test_threshold,
    test_wino,
)

LITERAL = Path(__file__).parent / "literal"
MUTATIONS: dict[str, list[Collection[str]]] = {
    "threshold": [test_threshold.MUTATIONS],
    "threshold_dream": [test_parallel_rules.MUTATIONS[ThresholdDream]],
    "factor": [test_parallel_rules.MUTATIONS[Factor]],
    "eb": [test_parallel_rules.MUTATIONS[Eb]],
    "klass": [test_parallel_rules.MUTATIONS[Klass]],
    "saber": [test_taking_back_rules.MUTATIONS[variant] for variant in ("paper", "llada", "dream")],
    "sundae": [test_taking_back_rules.MUTATIONS["sundae"]],
    "llada21": [test_taking_back_rules.MUTATIONS["llada21"]],
    "left_to_right": [test_left_to_right.MUTATIONS],
    "dream": [test_dream.MUTATIONS],
    "llada": [test_llada.MUTATIONS],
    "p2": [test_p2.MUTATIONS],
    "maskgit": [test_maskgit.MUTATIONS],
    "mask_predict": [test_mask_predict.MUTATIONS],
    "remdm": [test_remdm.MUTATIONS],
    "wino": [test_wino.MUTATIONS],
    "kfold": [test_kfold.MUTATIONS],
    "dual": [test_dual.MUTATIONS],
    "self_speculation": [test_self_speculation.MUTATIONS],
    "draft_then_denoise": [test_draft_then_denoise.MUTATIONS],
}
"""By decoder: the names of the mistakes that its tests make, of every form of it."""


@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_is_transcribed_and_mutated(name: str) -> None:
    """Fails if a decoder is added without a transcription, or with fewer than five named mistakes that are looked for."""
    assert (LITERAL / f"{name}.py").is_file()
    assert all(len(named) >= 5 for named in MUTATIONS[name])


@pytest.mark.parametrize("file", sorted(LITERAL.glob("*.py")), ids=lambda file: file.stem)
def test_transcriptions_owe_us_nothing(file: Path) -> None:
    """Fails if a transcription takes anything from what it is compared with, or from torch: the same mistake would be in both."""
    assert set(imported(file)) <= {"math", "struct", "collections.abc", "tests.sampling.literal"}


def imported(file: Path) -> Iterator[str]:
    """The modules that a file imports; those beside it by the name of their folder."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
        for name in names:
            beside = name.startswith("tests.sampling.literal.")
            yield "tests.sampling.literal" if beside else name
