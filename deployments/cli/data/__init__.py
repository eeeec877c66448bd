"""Commands that import bars, show them and write datasets."""
