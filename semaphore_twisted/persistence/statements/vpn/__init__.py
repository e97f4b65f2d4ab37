"""Statements about the network, peers, invites and grants of the VPN."""
