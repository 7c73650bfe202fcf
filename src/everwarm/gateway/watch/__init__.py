"""What operators see: metrics, readiness, spans, lines in the log."""
