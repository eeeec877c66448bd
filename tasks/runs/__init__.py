"""Flow runs themselves: names, time limits, retries, recovery, artifacts."""
