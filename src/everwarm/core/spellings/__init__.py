"""What each protocol lets a client write in two ways. One file a dialect, each with its ``SPELLING``."""
