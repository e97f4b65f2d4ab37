"""The exception that ends a command with an error."""

#: Exit code for a server that cannot be reached, or refuses.
UNREACHABLE = 4


class CommandError(Exception):
    """The command failed; ``main`` prints the sentence and exits with the code."""

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        """Store the reason *sentence*, without a full stop and without secrets."""
        super().__init__(sentence)
        self.sentence = sentence
        self.exit_code = exit_code
