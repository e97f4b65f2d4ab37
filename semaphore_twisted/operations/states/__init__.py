"""Terraform's states: versions, locks, and the aliases that lead to them."""
