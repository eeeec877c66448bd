"""Commands that move a market up and down between its stages."""
