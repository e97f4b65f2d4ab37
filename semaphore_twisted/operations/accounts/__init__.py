"""Operations on accounts, sessions and API tokens."""
