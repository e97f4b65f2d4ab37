"""The server's side of the VPN: companion client, DNS, listeners in the tunnel."""
