"""The paper account: trades order intents bar by bar, like a consumer of the outbox."""
