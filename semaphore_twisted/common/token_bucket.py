"""A rate limit that allows bursts."""

from attrs import define, field


@define(eq=False)
class TokenBucket:
    """Holds up to *size* tokens and gains *rate* a second; it is full at *time*.

    Times are seconds of one clock. One that goes back adds nothing.
    """

    size: float
    rate: float
    time: float
    tokens: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Fill the bucket."""
        self.tokens = float(self.size)

    def fill(self, now: float) -> None:
        """Add the tokens that were gained until *now*."""
        gained = max(0.0, now - self.time) * self.rate
        self.tokens, self.time = min(float(self.size), self.tokens + gained), now

    @property
    def has_token(self) -> bool:
        """Whether there was a token at the last :meth:`fill`."""
        return self.tokens >= 1.0

    @property
    def wait(self) -> float:
        """Seconds from the last :meth:`fill` until there is a token."""
        missing = max(0.0, 1.0 - self.tokens)
        return missing / self.rate if missing else 0.0

    def take(self, number: float = 1.0) -> None:
        """Remove tokens; more than there are must be gained before there is one."""
        self.tokens -= number

    def give_back(self) -> None:
        """Add a token that was taken."""
        self.tokens = min(float(self.size), self.tokens + 1.0)
