"""`stairgate demo`: a small bank on Stairgate, in the terminal and in a browser."""
