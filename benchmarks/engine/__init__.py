"""The model inside beside other engines that run on a CPU: the same text, the same weights, two threads, greedy."""
