"""Operations on the VPN: its network, peers, invites and grants."""
