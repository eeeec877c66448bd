"""Reports, model cards and plots: what is shown of results that others judged."""
