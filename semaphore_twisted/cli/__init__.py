"""The command-line interface ``semaphore``."""
