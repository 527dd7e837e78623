"""What each route does: read the call, ask one use case, write the answer."""
