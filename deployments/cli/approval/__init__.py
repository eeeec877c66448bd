"""Commands that take a market up and down between its stages."""
