"""The commands ``semaphore vpn …``."""
