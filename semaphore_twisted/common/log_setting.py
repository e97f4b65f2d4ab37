"""Format and minimum level of the log, from the command line or the environment."""

from collections.abc import Mapping
from typing import NamedTuple


class LogSetting(NamedTuple):
    """A setting of the log: its option, environment variable, values and default."""

    option: str
    variable: str
    accepted: tuple[str, ...]
    default: str

    def value(self, argument: str | None, environ: Mapping[str, str]) -> str:
        """Return *argument*, else the value of the variable, else the default.

        A variable with an unknown value is ignored.
        """
        variable = environ.get(self.variable, "").lower()
        known = variable if variable in self.accepted else self.default
        return argument or known

    def ignored(self, environ: Mapping[str, str]) -> str | None:
        """Return the unknown value of the variable, ``None`` if it is usable."""
        text = environ.get(self.variable, "")
        return text if text and text.lower() not in self.accepted else None


FORMAT = LogSetting("log-format", "SEMAPHORE_LOG_FORMAT", ("text", "json"), "text")

#: Levels from the most verbose to the least.
LEVEL = LogSetting(
    "log-level", "SEMAPHORE_LOG_LEVEL", ("debug", "info", "warn", "error"), "info"
)
