"""A slot from its range's close to its outcome: bars, prediction, plan, outcome."""
