"""The parts of the supervisor: standard library only, and quick to import."""
