"""Log lines about a state that lasts: written when it changes, not at each look."""

from collections.abc import Callable


class LogOnChange:
    """Remembers the state that was logged last, and logs only another one.

    A state is a text, such as the reason of a failure. The empty text is the normal
    state, which is remembered and has no log line.
    """

    def __init__(self, state: str = "") -> None:
        """Begin with *state*, as if it had been logged already."""
        self.state = state

    def log(
        self, state: str, write: Callable[..., object], sentence: str, **values: object
    ) -> bool:
        """Set *state*; return whether it differs from the one before.

        If so, call ``write(sentence, **values)``, where *write* is a method of a
        ``Logger``.
        """
        changed = self.set(state)
        if changed and state:
            write(sentence, **values)
        return changed

    def set(self, state: str) -> bool:
        """Set *state* without a log line; return whether it differs from the last."""
        changed, self.state = state != self.state, state
        return changed

    def clear(self) -> bool:
        """Return to the normal state; return whether it was another one."""
        return self.set("")
