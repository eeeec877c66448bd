"""Bars from their sources to the lake, and from the lake to datasets."""
