"""The decision: a pure function of a question, a principal's compiled facts and the elevations of a token."""
