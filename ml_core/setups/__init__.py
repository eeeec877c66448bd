"""The setup study: which of thousands of rule setups survive costs, chance and time."""
