"""Tests of ``semaphore_twisted.vpn``."""
