"""What the service needs from the machine: clock, entropy, keys, issuers' keys, logs, metrics."""
