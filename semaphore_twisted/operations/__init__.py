"""One function is one thing an actor can do, in one transaction."""
