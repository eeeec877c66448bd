"""The paper account."""
