"""Runs Gigbook's command line."""

try:
    from gigbook.application.cli import main
except ModuleNotFoundError as missing:
    raise SystemExit(f"gigbook: needs the extra 'gigbook', as in pip install 'greenroom[gigbook]': {missing}") from None

__all__ = ["main"]

if __name__ == "__main__":
    main(prog_name="gigbook")
