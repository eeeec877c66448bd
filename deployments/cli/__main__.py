"""`python -m deployments.cli`: the command line if the console command is not on the path."""

from deployments.cli.app import main

main()
