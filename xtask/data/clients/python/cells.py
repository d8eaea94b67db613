"""Runs the cells that the command line names, and prints of each how it went.

Arguments: port, "proxy" or "control", cells. A cell without a function is one that the library has
no use for.
"""
import asyncio
import inspect
import os
import sys
import time
from importlib.metadata import distributions

LIBRARY = os.environ["LIBRARY"]
PORT = int(sys.argv[1])
CONTROL = sys.argv[2] == "control"


def expect(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r} instead of {wanted!r}")


def version_of(package):
    """The version that lies in the library's own folder, whatever else the machine has."""
    for found in distributions(path=[os.environ["FOLDER"]] if "FOLDER" in os.environ else sys.path):
        if found.metadata["Name"].lower().replace("_", "-") == package:
            return found.version
    return "?"


def run(package, cells):
    print("version", version_of(package), flush=True)
    for name in sys.argv[3:]:
        function = cells.get(name)
        if function is None:
            print(name, "none", flush=True)
            continue
        try:
            if inspect.iscoroutinefunction(function):
                asyncio.run(function())
            else:
                function()
            print(name, "ok", flush=True)
        except BaseException as error:
            text = f"{type(error).__name__}: {error}".replace("\n", " ")
            print(name, "fail", text[:300], flush=True)


def later(seconds, function):
    """Runs it on a thread in a while; join what this returns."""
    import threading

    def wait():
        time.sleep(seconds)
        function()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread
