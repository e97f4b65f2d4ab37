"""The operations: each function is one action of an actor in one transaction."""
