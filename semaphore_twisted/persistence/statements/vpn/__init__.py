"""Statements about the VPN."""
