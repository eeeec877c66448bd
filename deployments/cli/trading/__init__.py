"""Commands of the trading day: predictions, rules, and their results."""
