"""What official clients and frameworks do with a base URL: programs as their users run them, one turn each."""
