"""The contracts of ports, which each adapter and its double must pass."""
