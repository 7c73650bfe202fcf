"""What past requests could have reused, what they did, and why the rest was lost."""
