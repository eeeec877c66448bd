"""`python -m deployments.cli`: the command line where the console command is not on the path."""

from deployments.cli.app import main

main()
