"""Start of the server: opens the installation, checks it and builds its services."""
