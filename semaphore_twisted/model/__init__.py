"""Domain values and rules: types, statuses, roles, limits and errors; no I/O."""
