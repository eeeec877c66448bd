"""Processes that are kept alive: the Prefect server, the runner, and the pages beside them."""
