"""The commands ``semaphore tls …``."""
