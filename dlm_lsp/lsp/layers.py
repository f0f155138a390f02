"""Settings by where they hold: of the window, and of each of its folders.

In: what the editor says for the window and for single folders. Out: the settings at a document. Pure data; knows neither who
asks nor how the editor was asked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from dlm_lsp.settings import Settings, read_settings

OF_THE_WORKER = ("model", "device", "dtype", "threads")
"""There is one worker: in these a folder cannot differ from the window."""


@dataclass(frozen=True, slots=True)
class Layers:
    """The settings of a window and of those of its folders that have some of their own, by the folder's URI."""

    window: Settings
    folders: Mapping[str, Settings] = field(default_factory=dict)

    def at(self, uri: str) -> Settings:
        """Give the settings of the innermost folder that a document lies in, or of the window."""
        path = _path(uri)
        around = [folder for folder in self.folders if path.startswith(_path(folder).rstrip("/") + "/")]
        return self.folders[max(around, key=lambda folder: len(_path(folder)))] if around else self.window

    @property
    def enabled(self) -> bool:
        """Whether completions are wanted anywhere."""
        return any(settings.enabled for settings in self)

    def __iter__(self) -> Iterator[Settings]:
        yield self.window
        yield from self.folders.values()


def lay(base: Settings, window: object, folders: Mapping[str, object]) -> tuple[Layers, list[str]]:
    """Lay what the editor says over `base`, and what it says for a folder over that; give also what is wrong with it."""
    settings, complaints = read_settings(window, base)
    laid: dict[str, Settings] = {}
    for uri, options in folders.items():
        laid[uri], more = lay_over(settings, options)
        complaints += more
    return Layers(settings, laid), list(dict.fromkeys(complaints))


def lay_over(settings: Settings, options: object) -> tuple[Settings, list[str]]:
    """Lay options that hold for a part over the settings of the whole; what the worker is started with stays."""
    shared: dict[str, Any] = {name: getattr(settings, name) for name in OF_THE_WORKER}
    own, complaints = read_settings(options, settings)
    return replace(own, **shared), complaints


def _path(uri: str) -> str:
    """Give the path of a URI: cells of a notebook have the scheme of the editor and the path of their file."""
    return unquote(urlsplit(uri).path)
