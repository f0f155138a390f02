"""Fine-tuning: what it learns, that it goes on, and that nothing half-made, worse or private leaves it."""

import errno
import json
import math
import shutil
import signal
import subprocess
import sys
import sysconfig
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from dlm_lsp.errors import DlmError
from dlm_lsp.models.folders import BUNDLED, TRAINED_ON
from dlm_lsp.models.loading import load
from training import finetune as finetuning
from training import tune as tuning
from training.export import write_model
from training.finetune import Job, finetune, main, read_base
from training.train import initialised

MODULES = ("calendar.py", "cmd.py", "configparser.py", "fnmatch.py", "heapq.py", "queue.py", "shlex.py", "textwrap.py")
CANARY = "zymurgy_quokka"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A git repository of a few modules, with a private, an ignored and an excluded file that all say one word."""
    folder = tmp_path_factory.mktemp("work") / "house{braces}"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    library = Path(sysconfig.get_paths()["stdlib"])
    for name in MODULES:
        shutil.copy(library / name, folder / name)
    (folder / ".gitignore").write_text("ignored.py\n")
    for name in ("ignored.py", "passwords.py", "excluded.py"):
        (folder / name).write_text(f"{CANARY} = '{name}'\n" * 100)
    return folder


@pytest.fixture
def model(tiny, tmp_path):
    """A folder of the bundled kind whose model has learned nothing."""
    weights = initialised(tiny, 0).state_dict()
    del weights["lm_head.weight"]
    config = {"model_type": "Dream", "mask_token_id": 1, "pad_token_id": 2, "expand_token_id": 3, "eos_token_id": 0}
    card = {"card": "", "facts": {}, "notice": "cpython: PSF-2.0\n"}
    write_model(tmp_path / "tiny", weights, config | asdict(tiny), BUNDLED / "nano", **card, int8=True)
    (tmp_path / "tiny" / TRAINED_ON).write_text("of base\n")
    return tmp_path / "tiny"


@pytest.fixture
def job(repository, model, tmp_path, monkeypatch: pytest.MonkeyPatch):
    """A job of a minute, in which every step takes a second; rates are those of a model that knows nothing yet."""
    monkeypatch.setattr(tuning, "RATE_SHARE", 1.0)
    monkeypatch.setattr(tuning, "BATCH_TOKENS", 256)
    monkeypatch.setattr(tuning, "PROBES", 16)
    return Job(repository, tmp_path / "mine", str(model), minutes=0.5, exclude=("excluded.py",), device="cpu")


def seconds(interrupt_at=math.inf):
    """A clock that moves a second whenever it is read, and at one of them lets the user press Ctrl-C."""
    now = [0]

    def clock() -> float:
        now[0] += 1
        if now[0] == interrupt_at:
            signal.raise_signal(signal.SIGINT)
        return now[0]

    return clock


def run(job, **how):
    return finetune(job, Console(quiet=True), seconds(**how))


def held_out_loss(job, model):
    """What the trainer would say of a model folder."""
    base = read_base(str(model))
    machine = tuning.Machine(torch.device("cpu"), narrow=True)
    return tuning.nats_of(base.network, tuning.probe(job.data, "held-out", 256), machine)


def test_it_learns_and_what_it_says_is_true_of_what_it_wrote(job, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if nothing is learned, or if the losses are those of other weights than the ones in the folder."""
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # the streams stay, to measure with
    assert 0 == run(job)
    told = capsys.readouterr().out
    before, after = held_out_loss(job, job.model), held_out_loss(job, job.out)
    assert after < before - 0.1
    assert f"held-out files: {before:.3f} before, {after:.3f} after" in told
    card = (job.out / "README.md").read_text("utf-8")
    assert f"{before:.3f} before, {after:.3f} after" in card
    assert "`house{braces}`" in card
    assert not [name for name in MODULES if name in card]
    assert "PSF-2.0" in (job.out / "NOTICE").read_text("utf-8")
    assert "of base\n" == (job.out / TRAINED_ON).read_text()
    names = {
        "README.md",
        "NOTICE",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        TRAINED_ON,
    }
    assert names == {path.name for path in job.out.iterdir()}


def test_private_ignored_and_excluded_files_are_not_learned_from(job, tokenizer) -> None:
    """Fails if a word that stands only in such files reaches a stream: it would then be in the weights."""
    finetuning.claim(job, read_base(job.model))
    for name in ("train", "held-out"):
        assert CANARY not in tokenizer.decode(finetuning.streams.read(job.data, name).ids.tolist())
        assert "passwords" not in (job.data / f"{name}.json").read_text()
    allowed = replace(job, out=job.out.with_name("other"), exclude=())
    finetuning.claim(allowed, read_base(job.model))
    streams = [finetuning.streams.read(allowed.data, name).ids.tolist() for name in ("train", "held-out")]
    assert any(CANARY in tokenizer.decode(ids) for ids in streams), "the test would not see it if it were there"


def test_ctrl_c_exports_and_the_same_command_goes_on(job, capsys) -> None:
    """Fails if what was trained until then is lost, if the next call begins anew, or if the first export is in its way."""
    assert 130 == run(job, interrupt_at=20)
    assert "the same command goes on" in capsys.readouterr().out
    state = torch.load(job.part / "state.pt", weights_only=True)["progress"]
    assert 0 < state["step"] < 25
    load(job.out, device="cpu")
    before = held_out_loss(job, job.out)
    streams = shutil.copytree(job.part / "data", job.out.with_name("kept.part") / "data")
    assert 0 == run(job)
    assert held_out_loss(replace(job, out=streams.parents[0].with_name("kept")), job.out) < before
    assert not job.part.exists(), "it holds what the repository says"


def test_a_kill_costs_what_came_after_the_last_save(job) -> None:
    """Fails if a run can only go on when it was stopped politely, or reads the repository anew in the middle."""

    def clock_that_dies():
        ticks = seconds()

        def clock() -> float:
            if (now := ticks()) > 20:
                raise MemoryError
            return now

        return clock

    with pytest.raises(MemoryError):
        finetune(job, Console(quiet=True), clock_that_dies())
    assert not job.out.exists()
    state = torch.load(job.part / "state.pt", weights_only=True)["progress"]
    assert 15 <= state["seconds"]
    (job.part / "state.tmp").write_bytes(b"cut sho")
    assert 0 == run(job)


def test_a_worse_model_is_not_kept(job, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if somebody gets a model that is worse on their own files than the one they had."""
    monkeypatch.setattr(tuning, "RATE_SHARE", 1e6)
    assert 1 == run(job)
    assert "nothing was written" in capsys.readouterr().out
    assert not job.out.exists()
    assert not job.part.exists()


def test_a_tiny_repository_is_refused_with_its_size(job, tmp_path) -> None:
    """Fails if somebody waits twenty minutes for a model that has seen nothing, or does not learn what was left out."""
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "a.py").write_text("a = 1\n" * 50)
    (tmp_path / "few" / "passwords.py").write_text("b = 1\n")
    few = replace(job, folder=tmp_path / "few", out=tmp_path / "out")
    with pytest.raises(DlmError, match=r"has 250 tokens .* wants 10000 .*left out: 1 private or excluded"):
        run(few)
    assert not few.out.exists()
    assert not few.part.exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"folder": Path("nowhere")}, "there is no folder nowhere"),
        ({"out": Path("/")}, "/ is no place for a model"),
        ({"minutes": 0.0}, "--minutes is a number above 0, not 0"),
        ({"minutes": math.nan}, "--minutes is a number above 0, not nan"),
        ({"model": "scripted:x.json"}, "a script has no weights to continue"),
        ({"model": "nanu"}, "there is no model 'nanu'"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(job, change, complaint) -> None:
    """Fails if a mistake costs a traceback or leaves a folder behind."""
    wrong = replace(job, **change)
    with pytest.raises(DlmError, match=complaint):
        run(wrong)
    assert not job.part.exists()


@pytest.mark.parametrize("name", ["dream-tiny", "dreamon-tiny", "llada-tiny"])
def test_a_checkpoint_of_another_kind_is_refused(job, name) -> None:
    """Fails if a model is trained on tokens that mean something else to it."""
    folder = Path(__file__).parents[1] / "data" / "reference" / "checkpoints" / name
    with pytest.raises(DlmError, match="the tokenizer of the bundled models"):
        run(replace(job, model=str(folder)))


def test_a_tokenizer_with_other_pieces_is_refused(job, model) -> None:
    """Fails if special tokens at other places, or another splitting rule, go unnoticed."""
    tokenizer = json.loads((model / "tokenizer.json").read_text("utf-8"))
    tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = r"\w+"
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(DlmError, match="the tokenizer of the bundled models"):
        run(job)


def test_what_stands_in_the_way_is_not_touched(job) -> None:
    """Fails if a folder of the user's, or the run of another command, is written into or deleted."""
    job.out.mkdir()
    (job.out / "mine.txt").write_text("mine")
    with pytest.raises(DlmError, match="is there already"):
        run(job)
    job.out.rename(job.part)
    with pytest.raises(DlmError, match="no unfinished run"):
        run(job)
    assert "mine" == (job.part / "mine.txt").read_text()
    (job.part / "mine.txt").unlink()
    assert 130 == run(job, interrupt_at=3)
    with pytest.raises(DlmError, match="another folder, model or exclude"):
        run(replace(job, exclude=()))


def test_a_damaged_state_is_one_sentence(job) -> None:
    """Fails if a file that lost its end, as a crash of the system may leave it, ends in a traceback or is trained on."""
    assert 130 == run(job, interrupt_at=3)
    state = job.part / "state.pt"
    state.write_bytes(state.read_bytes()[:-1000])
    with pytest.raises(DlmError, match=r"state\.pt is damaged; delete"):
        run(job)


def arguments(job):
    return [str(job.folder), f"--out={job.out}", "--minutes=0.01", f"--model={job.model}", "--device=cpu"]


@pytest.fixture
def as_a_process(monkeypatch: pytest.MonkeyPatch):
    """`main` may not change how this process works."""
    monkeypatch.setattr(finetuning, "prepare", lambda _: None)
    monkeypatch.setattr(finetuning.os, "nice", lambda _: 0)


@pytest.mark.usefixtures("as_a_process")
@pytest.mark.parametrize("where", ["torch.save", "pathlib.Path.write_bytes", "training.export.save_file"])
def test_a_full_disk_is_one_sentence(job, where, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a full disk ends in a traceback, or leaves something that a server could load."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(where, full)
    assert 2 == main(arguments(job))
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert complaint.startswith("dlm-lsp: ")
    assert "No space left on device" in complaint
    assert not job.out.exists()


@pytest.mark.usefixtures("as_a_process")
def test_a_place_that_cannot_be_written_to_is_one_sentence(job, capsys) -> None:
    """Fails if a wrong --out ends in a traceback."""
    file = job.out.with_name("file")
    file.write_text("")
    assert 2 == main(arguments(replace(job, out=file / "mine")))
    assert "cannot be read or written (Not a directory)" in capsys.readouterr().err


def dlm_lsp(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "dlm_lsp", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=140, check=False)


@pytest.mark.timeout(300)
def test_from_the_command_line_to_a_filled_hole(repository, model, tmp_path) -> None:
    """Fails if the command does not find its trainer, loses an option on the way, or makes what `fill` cannot load."""
    where = ("--device", "cpu", "--threads", 1)
    out = tmp_path / "out"
    done = dlm_lsp(
        "finetune", repository, "--out", out, "--minutes", 0.05, "--model", model, "--exclude", "shlex.py", *where
    )
    assert 0 == done.returncode, done.stderr
    assert "2 private or excluded" in done.stderr
    assert "on cpu in" in done.stderr
    (tmp_path / "hole.py").write_text("def area(width, height):\n    \n")
    filled = dlm_lsp("fill", "--json", f"{tmp_path / 'hole.py'}:2:5", "--model", out, *where)
    assert filled.returncode in {0, 1}, filled.stderr
    assert json.loads(filled.stdout)
