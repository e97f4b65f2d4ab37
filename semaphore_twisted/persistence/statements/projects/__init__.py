"""Statements about projects and the resources in them."""
