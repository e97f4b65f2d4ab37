"""A certificate from a public authority (RFC 8555), ordered and renewed."""
