"""Runs Gigbook's command line."""

from gigbook.application.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main(prog_name="gigbook")
