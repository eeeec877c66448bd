"""One file a change of schema."""
