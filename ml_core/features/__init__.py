"""Point-in-time features, one definition for history and for the live row."""
