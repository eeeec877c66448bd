"""The rollout of a market: its stage, the gates of a step, and a person's approval."""
