"""`python -m wideopen`."""

from wideopen.cli import main

main()
