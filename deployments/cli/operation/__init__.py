"""Commands that start, stop and watch what runs."""
