"""The page of a challenge: what is asked, one way to agree, and two ways to refuse."""
