"""The program `netml`, and `python -m netml`: signals are minded before the command line is loaded."""

# What is behind `signal`, which takes longer to load than a Ctrl-C may go unminded.
import _signal  # type: ignore[import-not-found]
import os


def main() -> None:
    """Run the command line."""
    for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, _leave)
    from netml.cli import main as run

    run()


def _leave(number: int, _: object) -> None:
    """End at once: nothing has begun, and an exception would end in a traceback of whatever is being imported."""
    word = "interrupted" if number == _signal.SIGINT else "terminated"
    os.write(2, f"netml: {word}: nothing was written\n".encode())
    os._exit(128 + number)


if __name__ == "__main__":
    main()
