"""The program `netml`, and `python -m netml`: signals are handled before the command line is loaded."""

import os
import signal


def main() -> None:
    """Run the command line."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _leave)
    from netml.cli import main as run

    run()


def _leave(number: int, _: object) -> None:
    """End at once: nothing has begun, and an exception would end in a traceback of whatever is being imported."""
    word = "interrupted" if number == signal.SIGINT else "terminated"
    os.write(2, f"netml: {word}: nothing was written\n".encode())
    os._exit(128 + number)


if __name__ == "__main__":
    main()
