"""`python -m vaelab` is `vaelab`."""

from vaelab.cli import main

if __name__ == "__main__":
    main()
