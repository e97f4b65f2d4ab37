"""The execution of tasks, from a queued row to a final status."""
