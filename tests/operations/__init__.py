"""Operations over a store in memory."""
