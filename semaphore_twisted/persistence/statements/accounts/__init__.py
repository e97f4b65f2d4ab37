"""Statements about accounts, sessions and API tokens."""
