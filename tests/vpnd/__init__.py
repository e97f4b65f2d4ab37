"""Tests of ``semaphore_twisted.vpnd``."""
