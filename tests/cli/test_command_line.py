"""The command line: what it says to people, and its exit statuses."""

import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dlm_lsp import __version__, cli
from dlm_lsp.decoders import CACHES, DECODERS, LENGTHS, ORACLE
from dlm_lsp.settings import Settings, descriptions

COMMAND = [sys.executable, "-m", "dlm_lsp"]
ROOT = Path(__file__).parents[2]
SCRIPTED = f"scripted:{ROOT / 'examples/scripted.json'}"


def run(capsys, *arguments):
    """Run the command line in this process: exit status, stdout, stderr."""
    try:
        status = cli.main(arguments)
    except SystemExit as left:
        status = left.code
    out, err = capsys.readouterr()
    return status, out, err


def test_version(capsys):
    """Fails if the version is not the package's."""
    assert (0, f"dlm-lsp {__version__}\n", "") == run(capsys, "--version")


def test_help_names_every_command_and_shows_examples(capsys):
    """Fails if a command can be run and is not explained, or the other way round."""
    status, out, _ = run(capsys, "--help")
    assert 0 == status
    for command in ("serve", "fill", "trace", "demo", "doctor", "samplers", "models", "finetune", "bench"):
        assert f"\n    {command} " in out
        assert 0 == run(capsys, command, "--help")[0]
    assert "dlm-lsp fill app.py:12:5" in out


def test_every_way_to_decode_can_be_looked_up(capsys):
    """Fails if somebody without the documentation cannot find a name that may be set, its parameters or their ranges."""
    status, out, err = run(capsys, "samplers")
    listed = {tuple(line.split(maxsplit=1)) for line in out.splitlines() if line.startswith("  ")}
    tables = {"sampler": DECODERS, "cache": CACHES, "length": LENGTHS}
    named = {(name, each.text) for table in tables.values() for name, each in table.items() if name != ORACLE}
    assert (0, "", named) == (status, err, listed)
    for table in tables.values():
        for name, decoder in table.items():
            if name == ORACLE:
                continue
            out = run(capsys, "samplers", name)[1]
            assert decoder.paper in out
            for key, each in decoder.parameters.items():
                rows = [line.split()[:2] for line in out.splitlines() if each.allowed in line and each.text in line]
                assert [key, str(each.default)] in rows
    assert "--cache dual: " in run(capsys, "samplers", "dual")[1]
    assert run(capsys, "samplers", "saber") == run(capsys, "samplers", "saber:mu=4")


def test_the_defaults_of_a_benchmark_are_those_that_its_help_tells(capsys, monkeypatch):
    """Fails if the help of `bench decoders` tells the server's deadline and threads, or they are used."""
    used = []
    monkeypatch.setattr(
        "dlm_lsp.commands.bench_decoders.bench_decoders", lambda _, settings: used.append(settings) or 0
    )
    assert 0 == run(capsys, "bench", "decoders", "--holes", "x")[0]
    assert [(1, 60_000)] == [(settings.threads, settings.deadline_ms) for settings in used]
    out = " ".join(run(capsys, "bench", "decoders", "--help")[1].split())
    assert "(50 to 600000). (default: 60000)" in out
    assert "(0 to 1024). (default: 1)" in out


def test_every_setting_has_a_description():
    """Fails if a field of Settings is added without the text that --help and editors show."""
    assert list(Settings.__dataclass_fields__) == list(descriptions())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["fil"], "no command 'fil'; did you mean `dlm-lsp fill`?"),
        (
            ["xyzzy"],
            "no command 'xyzzy'; there are serve, fill, trace, demo, doctor, samplers, models, finetune, bench.",
        ),
        (["fill"], "the following arguments are required: FILE:LINE:COLUMN"),
        (["fill", "app.py"], "'app.py' is no place: write FILE:LINE:COLUMN"),
        (["fill", "app.py:x:1"], "'app.py:x:1' is no place"),
        (["fill", "no-such-file.py:1:1"], "no-such-file.py cannot be read: No such file or directory."),
        (["fill", f"{__file__}:1:999"], "no column 999."),
        (["fill", f"{__file__}:0:1"], "no line 0."),
        (["fill", f"{__file__}:99999:1"], "no line 99999."),
        (["fill", f"{__file__}:1:1", "--threshold", "2"], "threshold: 2.0 is not between 0 and 1."),
        (["fill", f"{__file__}:1:1", "--deadline-ms", "soon"], "invalid int value: 'soon'"),
        (["fill", f"{__file__}:1:1", "--device", "abacus"], "device: 'abacus' is none of auto, cpu, cuda, mps."),
        (["fill", f"{__file__}:1:1", "--model", "scripted:none.json"], "there is no script none.json"),
        (["demo", "--examples", "nowhere"], "There is no holes.json in nowhere"),
        (["bench", "quality"], "the following arguments are required: --holes"),
        (["bench", "quality", "--holes", "none.jsonl"], "none.jsonl cannot be read"),
        (["bench", "quality", "--holes", "none.jsonl", "--variants", "blind"], "no variant blind"),
        (["bench", "quality", "--holes", "none.jsonl", "--out", "."], "--out names a file that ends in .json, not .."),
        (["bench", "quality", "--holes", "none.jsonl", "--jobs", "0"], "--jobs: '0' is not a whole number from 1 on;"),
        (["bench", "decoders", "--holes", "none.jsonl", "--limit", "-1"], "--limit: '-1' is not a whole number from 1"),
        (["bench", "decoders", "--holes", "none.jsonl", "--minutes", "nan"], "--minutes: 'nan' is not a number from 0"),
        (["samplers", "treshold"], "there is no sampler, cache or length 'treshold'; the nearest name is 'threshold'."),
        (["samplers", "prefx"], "there is no sampler, cache or length 'prefx'; the nearest name is 'prefix'."),
        (["samplers", "oracle"], "there is no sampler, cache or length 'oracle'; the nearest name is"),
        (["--tcp", "http"], "invalid int value: 'http'"),
        (
            ["fill", "a.py:1:1", "--sampelr", "eb"],
            "fill: there is no option --sampelr (did you mean --sampler?); `dlm-lsp",
        ),
        (["fill", "--xyzzy=1", "a.py:1:1"], "fill: there is no option --xyzzy; `dlm-lsp fill --help` explains."),
        (["fill", "a.py:1:1", "b.py:1:1"], "dlm-lsp: unrecognized arguments: b.py:1:1;"),
        (["bench", "decoders", "--holes", "x", "--cahces", "hole"], "did you mean --caches?"),
        (["--sdtio"], "serve: there is no option --sdtio (did you mean --stdio?)"),
    ],
)
def test_wrong_arguments_are_one_sentence(capsys, arguments, complaint):
    """Fails if a mistake ends in a traceback, in several lines, on stdout or with another status than 2."""
    status, out, err = run(capsys, *arguments)
    assert complaint in err
    assert "Traceback" not in err
    assert (2, "", 1) == (status, out, err.count("\n"))


def test_without_arguments_on_a_terminal_it_says_what_it_is():
    """Fails if a person who tries the bare command sees nothing and thinks that it hangs."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(COMMAND, stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    try:
        assert "this is a language server" in process.stderr.readline()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        os.close(ours)


def test_a_port_that_cannot_be_used_is_one_sentence():
    """Fails if a port that is taken, or is none, ends in a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for port in (str(taken.getsockname()[1]), "99999"):
            process = subprocess.run([*COMMAND, "--tcp", port], capture_output=True, text=True, timeout=30, check=False)
            assert f"dlm-lsp: port {port} of 127.0.0.1 cannot be used" in process.stderr
            assert (2, 1) == (process.returncode, process.stderr.count("\n"))


def test_ctrl_c_is_quiet():
    """Fails if Ctrl-C shows a traceback or leaves another status than 130."""
    process = subprocess.Popen(
        [*COMMAND, "demo", "--model", SCRIPTED], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    first_line = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert ("", 130) == (err, process.returncode), first_line
