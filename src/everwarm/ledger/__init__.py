"""What happened: one row a request, and sums over them."""
