"""A report on the screen, as a page, as JSON, as SQL."""
