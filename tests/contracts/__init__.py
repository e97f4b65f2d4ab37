"""One set of tests for each port, for the real thing and for its double."""
