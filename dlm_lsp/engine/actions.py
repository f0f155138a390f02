"""The code actions by name; what each of them writes anew is said in `engine.gaps`, which takes longer to import."""

from enum import StrEnum


class Action(StrEnum):
    """What can be asked for; the value is the name of its command behind `dlm-lsp.`."""

    REGENERATE = "regenerate"
    FUNCTION = "fillFunction"
    STUBS_SELECTED = "fillSelectedStubs"
    STUBS = "fillStubs"
    REPAIR = "repair"
    UNSURE = "regenerateUnsure"
