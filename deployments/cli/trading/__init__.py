"""Commands of the trading day: predictions, rules, and how both did."""
