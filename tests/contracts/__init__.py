"""What every adapter of a port does, and its double too."""
