"""Another system taken over: its bars, its record of ranges, its models as text; no pickle."""
