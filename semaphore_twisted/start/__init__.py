"""Preparation before the reactor runs: installation, state and certificates."""
