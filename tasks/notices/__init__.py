"""Notices and events: what a person is told of, through which channels."""
