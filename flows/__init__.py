"""The scheduled workflows, each reading like a table of contents."""
