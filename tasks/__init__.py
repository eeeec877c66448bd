"""Thin, retryable Prefect tasks over the layers below."""
