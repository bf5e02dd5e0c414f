"""`python -m omnilytics.cli`."""

from omnilytics.cli import main

main()
