"""The orbcast command line."""
