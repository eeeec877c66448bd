"""The paper account: order intents traded bar by bar as a consumer of the outbox would."""
