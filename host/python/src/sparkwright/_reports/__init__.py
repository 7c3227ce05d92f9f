"""Output for people: plans, reports and their HTML."""
