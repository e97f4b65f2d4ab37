"""Operations on integrations (incoming webhooks) and their deliveries."""
