"""`python -m banyan.server.cli`: the command line where its script is not installed."""

from banyan.server.cli import main

main()
