"""Static first, dynamic last: what of a prompt changes, what that costs, and the wire form that repairs it."""
