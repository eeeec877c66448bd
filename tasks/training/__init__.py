"""From datasets to versions: training, studies, searches, promotion and their reports."""
