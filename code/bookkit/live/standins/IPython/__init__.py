"""Stands in for IPython where it does not run: what the book's chapters import, and no more."""

from IPython.display import display

version_info = (9, 0, 0)  # Matplotlib asks


class Events:
    """Matplotlib wants to draw after each cell; the page's kernel does so without being asked."""

    def register(self, event: str, function: object) -> None:
        pass

    def unregister(self, event: str, function: object) -> None:
        pass


class Shell:
    """What `get_ipython` gives: enough to tell that things can be shown."""

    def __init__(self) -> None:
        self.events = Events()


_shell = Shell()


def get_ipython() -> Shell:
    return _shell


__all__ = ["Shell", "display", "get_ipython"]
