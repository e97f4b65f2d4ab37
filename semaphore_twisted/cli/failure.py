"""How a command ends when it cannot do what it was asked."""

#: Exit code when the server cannot be reached, or refuses.
UNREACHABLE = 4


class Failure(Exception):
    """The command failed; ``main`` prints the sentence and exits with the code."""

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        """Say why in one *sentence*, without a full stop and without secrets."""
        super().__init__(sentence)
        self.sentence = sentence
        self.exit_code = exit_code
