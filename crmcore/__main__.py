"""Run the command line with `python -m crmcore`."""

from crmcore.cli.main import main

main()
