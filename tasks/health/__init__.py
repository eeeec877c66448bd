"""How the models and the record are: performance, drift, parity, early warning, breaker."""
