"""The Authress management API over HTTP (authress-contract §1)."""
