"""The tables, a file for each topic, so that a command declares only those it asks."""
