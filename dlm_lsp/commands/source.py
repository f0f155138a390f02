"""A file of code as the user has it: read with its encoding, and written back so that nothing but the filling changes.

In: a path, or "-" for stdin. Out: text and a way back to bytes: encoding, byte order mark, line ends, mode and links stay. It never
leaves half a file behind, and never overwrites what somebody else has written meanwhile.
"""

import codecs
import io
import os
import shutil
import sys
import tempfile
import tokenize
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dlm_lsp.errors import DlmError

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A text and where it came from."""

    name: str
    """As the user wrote it."""
    data: bytes
    text: str
    encoding: str
    """Of the text behind the byte order mark."""

    @property
    def mark(self) -> bytes:
        """The byte order mark, if there is one: not part of the text."""
        return codecs.BOM_UTF8 if self.data.startswith(codecs.BOM_UTF8) else b""


def read_source(name: str) -> Source:
    """Read a file or stdin, with the line ends it has, in the encoding that a comment in it declares, else UTF-8."""
    try:
        if name == STDIN:
            data = sys.stdin.buffer.read()
        elif Path(name).exists() and not Path(name).is_file():
            raise DlmError(f"{name} is no file.")
        else:
            data = Path(name).read_bytes()
    except OSError as error:
        raise DlmError(f"{name} cannot be read: {error.strerror}.") from error
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        encoding = encoding.removesuffix("-sig")
        text = data.removeprefix(codecs.BOM_UTF8).decode(encoding)
    except UnicodeDecodeError as error:
        raise DlmError(f"{name} is not {error.encoding.upper()} text.") from error
    except SyntaxError as error:
        raise DlmError(f"{name} is not UTF-8 text, or declares an encoding that there is none of.") from error
    if "\0" in text:
        raise DlmError(f"{name} holds NUL characters: it is no text.")
    return Source(name, data, text, encoding)


def write_source(source: Source, text: str) -> Path:
    """Put `text` in the place of the source's file, all at once; give the file that was written, links followed."""
    path = Path(os.path.realpath(source.name))
    try:
        data = source.mark + text.encode(source.encoding)
    except UnicodeEncodeError as error:
        raise DlmError(
            f"the filling has characters that {source.encoding} lacks: {source.name} was not changed."
        ) from error
    unfinished = ""
    try:
        if not os.access(path, os.W_OK):
            raise DlmError(f"{source.name} is read-only: it was not changed.")
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            unfinished = stream.name
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        shutil.copymode(path, unfinished)
        with suppress(OSError, AttributeError):  # only root may give files away, and Windows has no owners
            owner = path.stat()
            os.chown(unfinished, owner.st_uid, owner.st_gid)
        if path.read_bytes() != source.data:
            raise DlmError(f"{source.name} was changed by somebody else meanwhile: it was left as it is.")
        Path(unfinished).replace(path)
    except OSError as error:
        raise DlmError(f"{source.name} cannot be written ({error.strerror}): it was not changed.") from error
    finally:
        with suppress(OSError):
            if unfinished:
                Path(unfinished).unlink()  # gone already where all went well
    return path
