"""Commands that judge recipes and keep model versions."""
