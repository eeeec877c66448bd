"""Commands that bring bars in, show them and write data sets."""
