"""`python -m omnilytics.cli`."""

from omnilytics.cli import main

if __name__ == "__main__":
    main()
