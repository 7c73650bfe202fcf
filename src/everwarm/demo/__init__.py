"""A workload to look at: a support copilot against a real gateway."""
