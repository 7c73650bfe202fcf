"""Log files, whatever their format -> calls, in the order of their time."""
