"""The command line of `dlm-lsp`: reads it, makes `Settings` of it and calls the command.

In: argv. Out: an exit status: 0 it worked, 1 there is no (good) answer, 2 the command line or the set-up is wrong, 130 Ctrl-C.
Commands are imported when they run, so that the server starts fast and `--help` needs nothing installed.
"""

import argparse
import difflib
import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from dlm_lsp import __version__, settings
from dlm_lsp.decoders import DECODERS
from dlm_lsp.errors import DlmError, SettingsError
from dlm_lsp.settings import CHOICES, Settings, camel_case, read_settings

_EXAMPLES = """\
examples:
  dlm-lsp demo                            watch the bundled model fill the holes of the examples
  dlm-lsp doctor                          does it work here, and if not, what to do
  dlm-lsp fill app.py:12:5                fill the hole at line 12, column 5, and print the text
  dlm-lsp fill --apply app.py:12:5        the same, and put it into the file
  dlm-lsp trace app.py:12:5               write a page and a picture of how that hole is decoded
  dlm-lsp models pull OWNER/NAME          download a larger model from the hub
  dlm-lsp finetune . --out ../mine        teach the bundled model your own code; nothing leaves the machine
  dlm-lsp                                 the language server on stdin and stdout, as editors start it
  dlm-lsp serve --tcp 7777                the same on 127.0.0.1:7777, to attach to by hand
  dlm-lsp bench quality --holes h.jsonl   how good a model is, measured by tests
  dlm-lsp bench decoders --holes h.jsonl  which way to decode is best

`dlm-lsp COMMAND --help` lists the options of a command."""

_COMMANDS = {
    "serve": "run the language server (what `dlm-lsp` without a command does)",
    "fill": "fill one hole of a file and print the text",
    "trace": "decode one hole and draw how it went, as a page and a picture",
    "demo": "fill the holes of the examples, live in the terminal",
    "doctor": "check the installation and say what is wrong",
    "samplers": "list the samplers, caches and lengths, and the parameters of one",
    "models": "list, download, check, calibrate or export checkpoints",
    "finetune": "continue the bundled model on your own repository",
    "bench": "measure a model: `bench quality`; compare ways to decode: `bench decoders`",
}

_WHERE = ("device", "dtype", "threads")
_MODEL = ("model", *_WHERE)
_DECODING = (
    "max_hole_tokens",
    "max_window_tokens",
    "deadline_ms",
    "sampler",
    "cache",
    "length",
    "threshold",
    "seed",
    "repair_rounds",
    "show_broken",
    "block_verbatim",
)
_SEVERAL = ("candidates", "temperature", "exclude")
_HOLES = "JSON lines with task_id, kind, prefix, suffix, canonical (what stood there), and test and entry_point if there are any"


class _Parser(argparse.ArgumentParser):
    """argparse with errors of one sentence, which name the nearest option there is."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Refuse what is left over here, where the options of the command are known, and not in the parser above."""
        made, unknown = super().parse_known_args(args, namespace)
        wrong = next((word.partition("=")[0] for word in unknown if word.startswith("-")), None)
        if wrong:
            nearest = difflib.get_close_matches(wrong, self._option_string_actions, n=1)
            self.error(f"there is no option {wrong}{f' (did you mean {nearest[0]}?)' if nearest else ''}")
        return made, unknown

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is."""
        print(f"{self.prog}: {message}; `{self.prog} --help` explains.", file=sys.stderr)
        sys.exit(2)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in {"-h", "--help", "--version"}):
        arguments.insert(0, "serve")  # editors start the server by its bare name, some with --stdio
    if not arguments[0].startswith("-") and arguments[0] not in _COMMANDS:
        print(_unknown(arguments[0]), file=sys.stderr)
        return 2
    if arguments[0] in {"fill", "trace"}:  # to argparse -:3:5 is an option
        arguments = [argument.removeprefix("-") if argument.startswith("-:") else argument for argument in arguments]
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except DlmError as error:
        print(f"dlm-lsp: {error.sentence}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _from_one(written: str) -> int:
    """Read a number of things."""
    if not written.isdecimal() or not int(written):
        raise argparse.ArgumentTypeError(f"{written!r} is not a whole number from 1 on")
    return int(written)


def _from_zero(written: str) -> float:
    """Read an amount."""
    with suppress(ValueError):
        if 0 <= float(written) < math.inf:
            return float(written)
    raise argparse.ArgumentTypeError(f"{written!r} is not a number from 0 on")


def _unknown(name: str) -> str:
    """Say that there is no such command, with the nearest that there is."""
    nearest = difflib.get_close_matches(name, _COMMANDS, n=1, cutoff=0.5)
    hint = f"did you mean `dlm-lsp {nearest[0]}`?" if nearest else f"there are {', '.join(_COMMANDS)}."
    return f"dlm-lsp: no command {name!r}; {hint}"


def _parser() -> argparse.ArgumentParser:
    """Describe all commands and their options."""
    parser = _Parser(
        prog="dlm-lsp",
        description="Fills holes in Python code with a masked-diffusion language model, checked by the syntax tree.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dlm-lsp {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    serve = commands.add_parser("serve", help=_COMMANDS["serve"], description="Run the language server.")
    transport = serve.add_mutually_exclusive_group()
    transport.add_argument("--stdio", action="store_true", help="speak over stdin and stdout (the default)")
    transport.add_argument("--tcp", type=int, metavar="PORT", help="listen on 127.0.0.1:PORT instead; 0 picks a port")
    _add_settings(serve, tuple(field.name for field in fields(Settings)))

    fill = commands.add_parser(
        "fill",
        help=_COMMANDS["fill"],
        description="Fill one hole and print the text, the best first with --candidates; exit status 1 where there is none.",
    )
    fill.add_argument(
        "place",
        metavar="FILE:LINE:COLUMN",
        help="where, both from 1 as editors show them; - for stdin, such as -:3:5",
    )
    fill.add_argument("--at", metavar="LINE:COLUMN", help="the place, where FILE comes without")
    fill.add_argument("--apply", action="store_true", help="put the text into the file instead of printing it")
    fill.add_argument("--watch", action="store_true", help="show the canvas while it resolves")
    fill.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    _add_settings(fill, _MODEL + _DECODING + _SEVERAL)

    _add_trace(commands)

    demo = commands.add_parser("demo", help=_COMMANDS["demo"], description="Fill the holes of the examples.")
    demo.add_argument("--fast", action="store_true", help="do not slow the pictures down")
    demo.add_argument("--examples", type=Path, metavar="FOLDER", help="the folder with holes.json")
    _add_settings(demo, _MODEL)

    doctor = commands.add_parser(
        "doctor", help=_COMMANDS["doctor"], description="Check the installation; exit status 1 if it does not work."
    )
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    _add_settings(doctor, (*_MODEL, "deadline_ms"))

    samplers = commands.add_parser(
        "samplers", help=_COMMANDS["samplers"], description="Ways to decode that can be set."
    )
    samplers.add_argument("name", nargs="?", metavar="NAME", help="of a sampler, a cache or a length (default: all)")

    _add_models(commands)
    _add_finetune(commands)

    bench = commands.add_parser("bench", help=_COMMANDS["bench"], description="Measure a model.")
    kinds = bench.add_subparsers(dest="bench", required=True, metavar="KIND", parser_class=_Parser)
    quality = kinds.add_parser("quality", help="fill holes that have tests", description="Fill holes that have tests.")
    quality.add_argument("--holes", type=Path, nargs="+", required=True, metavar="FILE", help=_HOLES)
    quality.add_argument("--limit", type=_from_one, metavar="N", help="at most N holes of each kind")
    quality.add_argument("--out", type=Path, metavar="FILE.json", help="results; finished cases beside it are kept")
    quality.add_argument("--floors", action="store_true", help="measure fillings that need no model on the same holes")
    quality.add_argument(
        "--variants",
        default="unguided,guided,gated",
        metavar="LIST",
        help="unguided, guided, gated (as the server answers), resampled, resampled-gated; with commas",
    )
    quality.add_argument("--jobs", type=_from_one, default=1, metavar="N", help="how many models run side by side")
    _add_settings(quality, _MODEL + _DECODING)
    _add_bench_decoders(kinds)
    return parser


def _add_trace(commands: "argparse._SubParsersAction[_Parser]") -> None:
    """Describe `dlm-lsp trace`."""
    trace = commands.add_parser(
        "trace",
        help=_COMMANDS["trace"],
        description="Decode one hole and write a page, whole in itself, and a picture: the hole step by step, the order of the "
        "commits, how sure they were, what was taken back and why, AR-ness. Exit status 1 where the hole stays empty.",
    )
    trace.add_argument("place", metavar="FILE:LINE:COLUMN", help="where, both from 1; - for stdin, such as -:3:5")
    trace.add_argument("--at", metavar="LINE:COLUMN", help="the place, where FILE comes without")
    trace.add_argument("--out", type=Path, metavar="FILE.html", help="the page (default: named after the place, here)")
    trace.add_argument("--png", type=Path, metavar="FILE.png", help="the picture (default: beside the page)")
    trace.add_argument(
        "--temperature", type=float, default=0.0, metavar="X", help="of the decode that is shown (default: 0, greedy)"
    )
    trace.add_argument(
        "--temperatures", default="", metavar="LIST", help="decode at these too and compare, such as 0,0.5,1"
    )
    trace.add_argument("--draws", type=_from_one, default=3, metavar="N", help="decodes at each above 0 (default: 3)")
    _add_settings(trace, (*_MODEL, *_DECODING, "exclude"))


def _add_models(commands: "argparse._SubParsersAction[_Parser]") -> None:
    """Describe `dlm-lsp models` and its actions."""
    models = commands.add_parser("models", help=_COMMANDS["models"], description="Checkpoints on this machine.")
    actions = models.add_subparsers(dest="models", required=True, metavar="ACTION", parser_class=_Parser)
    told = "a bundled name, a folder, or OWNER/NAME of a downloaded one"

    pull = actions.add_parser("pull", help="download a checkpoint", description="Download a checkpoint from the hub.")
    pull.add_argument("repository", metavar="OWNER/NAME", help="such as apple/DiffuCoder-7B-Base")
    pull.add_argument("--revision", default="main", metavar="NAME", help="branch, tag or commit (default: main)")
    pull.add_argument("--yes", action="store_true", help="agree to size and licence without being asked")

    listed = actions.add_parser("list", help="show what is here", description="Show the models on this machine.")
    listed.add_argument("folders", nargs="*", metavar="FOLDER", help="checkpoints that stand elsewhere")
    listed.add_argument("--json", action="store_true", help="print the list as JSON")

    check = actions.add_parser("check", help="is it whole, does it know code", description="Check a checkpoint.")
    check.add_argument("checkpoint", metavar="MODEL", help=told)
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    _add_settings(check, _WHERE)

    calibrate = actions.add_parser(
        "calibrate",
        help="fit how it finds the length of a hole",
        description="Fit how a checkpoint finds the length of a hole by probing (CAL, arXiv 2602.00476); the curve is written "
        "beside its weights, and used from then on by those that have no expand and delete tokens, and by --length cal.",
    )
    calibrate.add_argument("checkpoint", metavar="MODEL", help=told)
    calibrate.add_argument(
        "sources", nargs="*", type=Path, metavar="FILE", help="Python to hide spans of (default: the standard library)"
    )
    calibrate.add_argument("--spans", type=int, default=100, metavar="N", help="how many spans (default: 100)")
    _add_settings(calibrate, _WHERE)

    export = actions.add_parser(
        "export",
        help="write it in a plain number format",
        description="Write a checkpoint as its authors' code loads it; --dtype auto means bfloat16.",
    )
    export.add_argument("checkpoint", metavar="MODEL", help=told)
    export.add_argument("out", type=Path, metavar="FOLDER", help="a folder that is not there yet")
    _add_settings(export, ("dtype",))


def _add_finetune(commands: "argparse._SubParsersAction[_Parser]") -> None:
    """Describe `dlm-lsp finetune`."""
    finetune = commands.add_parser(
        "finetune",
        help=_COMMANDS["finetune"],
        description="Continue a model on the Python files of a folder, on this machine: a tenth is held out, the losses before and after "
        "are shown, and only a model that is better is kept. What git ignores, private and generated files are left out. Ctrl-C keeps the "
        "best so far, and the same command goes on. Exit status 1 if it got no better.",
    )
    finetune.add_argument("folder", type=Path, metavar="FOLDER", help="with the files to learn from")
    finetune.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="where the model goes; FOLDER.part beside it until then",
    )
    finetune.add_argument("--minutes", type=float, default=20.0, metavar="N", help="how long (default: 20)")
    _add_settings(finetune, ("model", "device", "threads", "exclude"))


def _add_bench_decoders(kinds: "argparse._SubParsersAction[_Parser]") -> None:
    """Describe `dlm-lsp bench decoders`."""
    told = "compare samplers, caches and lengths on the same holes"
    decoders = kinds.add_parser(
        "decoders",
        help=told,
        description="Fill the same holes in every way: samplers times caches times lengths, as docs/samplers.md lists them. Holes may "
        "lack tests.",
    )
    decoders.add_argument("--holes", type=Path, nargs="+", required=True, metavar="FILE", help=_HOLES)
    decoders.add_argument(
        "--samplers",
        nargs="+",
        default=list(DECODERS),
        metavar="NAME",
        help="with parameters as in the setting, such as saber:mu=4; rules and strategies are all of a kind (default: all)",
    )
    decoders.add_argument("--caches", nargs="+", default=["none"], metavar="NAME", help="(default: none)")
    decoders.add_argument(
        "--lengths", nargs="+", default=["auto"], metavar="NAME", help="oracle is the true one (default: auto)"
    )
    decoders.add_argument(
        "--sweep",
        nargs="*",
        default=[next(iter(DECODERS))],
        metavar="NAME",
        help="samplers that are measured at several values of their knob; the default one is what others are compared with at equal calls "
        "(default: that one alone; or `all`)",
    )
    decoders.add_argument(
        "--calls",
        type=_from_zero,
        nargs="+",
        default=[],
        metavar="N",
        help="compare at N model calls a hole as well, where those that are swept have points around it",
    )
    decoders.add_argument(
        "--likelihood",
        choices=("yes", "no", "only"),
        default="yes",
        help="ask how likely the truth is when it is written in each sampler's order; `only` fills nothing (default: yes)",
    )
    decoders.add_argument("--limit", type=_from_one, metavar="N", help="at most N holes of each kind")
    decoders.add_argument(
        "--minutes",
        type=_from_zero,
        default=25.0,
        metavar="N",
        help="stop then; the same command goes on; 0: never (default: 25)",
    )
    decoders.add_argument(
        "--jobs", type=_from_one, default=2, metavar="N", help="how many models run side by side (default: 2)"
    )
    decoders.add_argument("--out", type=Path, metavar="FILE.json", help="results")
    decoders.add_argument(
        "--cases",
        type=Path,
        metavar="FILE.jsonl",
        help="where finished cases are kept, so that what is in several tables is measured once (default: beside --out)",
    )
    names = tuple(name for name in _DECODING if name not in {"sampler", "cache", "length"})
    _add_settings(decoders, _MODEL + names, threads=1, deadline_ms=60_000)


def _add_settings(parser: argparse.ArgumentParser, names: tuple[str, ...], **others: int) -> None:
    """Add the options of some settings; values are checked by `read_settings`, where editors' values are checked too.

    `others` are defaults that differ from the server's.
    """
    group = parser.add_argument_group("settings")
    help_texts = settings.descriptions()
    for name in names:
        default = getattr(Settings(), name)
        flag = "--" + name.replace("_", "-")
        text = f"{help_texts[name]} (default: {others.get(name, default)})".replace("%", "%%")
        if isinstance(default, bool):
            group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        elif isinstance(default, tuple):
            group.add_argument(flag, action="append", metavar="GLOB", help=f"{text}; may be repeated")
        else:
            metavar = "|".join(CHOICES.get(name, ())) or {int: "N", float: "X", str: "NAME"}[type(default)]
            group.add_argument(flag, type=type(default), default=others.get(name), metavar=metavar, help=text)


def _read_settings(options: argparse.Namespace) -> Settings:
    """Lay the options that were given over the defaults."""
    given = {
        camel_case(field.name): value
        for field in fields(Settings)
        if (value := getattr(options, field.name, None)) is not None
    }
    made, complaints = read_settings(given)
    if complaints:
        raise SettingsError("; ".join(complaints) + ".")
    return made


def _run_models(options: argparse.Namespace, chosen: Settings) -> int:
    """Call an action of `dlm-lsp models`."""
    if options.models == "pull":
        from dlm_lsp.commands.pull import pull

        return pull(options.repository, options.revision, agreed=options.yes)
    from dlm_lsp.commands import models

    match options.models:
        case "check":
            return models.check(options.checkpoint, chosen, as_json=options.json)
        case "calibrate":
            return models.calibrate(options.checkpoint, options.sources, chosen, spans=options.spans)
        case "export":
            return models.export(options.checkpoint, options.out, chosen)
        case _:
            return models.list_models(options.folders, as_json=options.json)


def _run_bench(options: argparse.Namespace, chosen: Settings) -> int:
    """Call a kind of `dlm-lsp bench`."""
    if options.bench == "decoders":
        from dlm_lsp.commands.bench_decoders import Likelihood, Plan, bench_decoders

        names = ("holes", "samplers", "caches", "lengths", "sweep", "calls", "limit", "minutes", "out", "cases")
        asked = {name: getattr(options, name) for name in names}
        plan = Plan(**asked, likelihood=Likelihood(options.likelihood), jobs=options.jobs)
        return bench_decoders(plan, chosen)
    from dlm_lsp.commands.bench import bench_quality

    return bench_quality(
        options.holes,
        chosen,
        limit=options.limit,
        out=options.out,
        floors=options.floors,
        variants=tuple(options.variants.split(",")),
        jobs=options.jobs,
    )


def _run(options: argparse.Namespace) -> int:
    """Call the command."""
    chosen = _read_settings(options)
    match options.command:
        case "fill":
            from dlm_lsp.commands.fill import fill

            return fill(
                options.place, options.at, chosen, watched=options.watch, as_json=options.json, apply=options.apply
            )
        case "trace":
            from dlm_lsp.commands.trace import Wanted, read_temperatures, trace, where_to

            temperatures = read_temperatures(options.temperature, options.temperatures)
            place = options.place if options.at is None else f"{options.place}:{options.at}"
            page, picture = where_to(place, options.out, options.png)
            return trace(place, chosen, Wanted(temperatures, options.draws, page, picture))
        case "demo":
            from dlm_lsp.commands.demo import demo

            return demo(chosen, options.examples, fast=options.fast)
        case "doctor":
            from dlm_lsp.commands.doctor import doctor

            return doctor(chosen, as_json=options.json)
        case "samplers":
            from dlm_lsp.commands.samplers import samplers

            return samplers(options.name)
        case "models":
            return _run_models(options, chosen)
        case "finetune":
            from dlm_lsp.commands.finetune import finetune

            return finetune(options.folder, options.out, chosen, minutes=options.minutes)
        case "bench":
            return _run_bench(options, chosen)
        case _:
            from dlm_lsp.commands.serve import serve

            return serve(chosen, options.tcp)
