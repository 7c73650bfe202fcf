"""Programs in Python, read and never run: where their prompts stand, and what reaches them."""
