"""The command line: ``python -m deploy.local <command>``."""

from deploy.local.command_line import main

if __name__ == "__main__":
    main()
