"""`python -m netml`: the command line."""

from netml.cli import main

if __name__ == "__main__":
    main()
