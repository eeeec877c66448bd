"""Readers of traders' own files, each giving canonical bars with their source lines."""
