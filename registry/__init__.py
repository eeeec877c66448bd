"""What Orbcast remembers: model versions, predictions, outcomes, batches."""
