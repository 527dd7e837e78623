"""`python -m stairgate.cli`."""

from stairgate.cli import main

main()
