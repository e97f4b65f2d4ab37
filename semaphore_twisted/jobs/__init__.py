"""Running one job on this machine, without the database."""
