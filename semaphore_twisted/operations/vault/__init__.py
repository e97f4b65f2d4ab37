"""Operations on everything that is stored encrypted, and the ACME account."""
