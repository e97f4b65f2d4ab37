"""Statements about stored secrets and the keys that encrypted them."""
