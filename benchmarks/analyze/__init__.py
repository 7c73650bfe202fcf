"""The analyzer: logs with bodies and traces of hashed blocks, beside others that read the same file."""
