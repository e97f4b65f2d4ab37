"""From a queued row to a final status."""
