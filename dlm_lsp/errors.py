"""The five exceptions of the project and when each is raised; cancelled, late and empty are results, not errors."""


class DlmError(Exception):
    """Base of all errors of ours: the message is one sentence for the user that says what to do."""

    @property
    def sentence(self) -> str:
        """The message with a full stop; where it is a part of another sentence it has none."""
        return f"{self}" if f"{self}".endswith((".", "?")) else f"{self}."


class SettingsError(DlmError):
    """A setting has a wrong name, type or range; the caller shows it once and goes on with the default."""


class ModelError(DlmError):
    """A checkpoint cannot be used: missing shard, wrong shape, no mask token, cut short; nothing of it is kept."""


class WireError(DlmError):
    """A line on the pipe between the processes is no message of this protocol version; the line is dropped."""


class WorkerError(DlmError):
    """The model's process cannot be started or died more often than it is restarted."""
