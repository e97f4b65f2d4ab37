"""Tests of ``semaphore_twisted.wireguard``."""
