"""The site's certificates: the local authority, ACME, reload and expiry."""
