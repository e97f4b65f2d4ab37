"""Sealing, passwords, tokens, keys and certificates."""
