"""Semaphore, encrypted from end to end, in one Python process tree."""

__version__ = "0.2.0"
