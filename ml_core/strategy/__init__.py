"""Trading breakouts by rules: plans, their trades, order intents, what a model adds."""
