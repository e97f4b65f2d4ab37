"""Statements about integrations and the deliveries that they receive."""
