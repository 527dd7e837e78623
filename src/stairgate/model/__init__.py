"""What the words of `semantics` mean: frozen records with their invariants, and nothing that does I/O."""
