"""Small tasks for other processes: each gets its arguments and a way to report."""
import os
import signal
import sys
import time
from pathlib import Path


def double(x, report):
    return 2 * x


def count(steps, report):
    for i in range(steps):
        report({"step": i})
    return "counted"


def process(report):
    return os.getpid()


def wait_for(folder, own, other, report):
    """Done once the task named `other` has begun too: only two at the same time can be."""
    (Path(folder) / own).touch()
    while not (Path(folder) / other).exists():
        time.sleep(0.005)
    return own


def time_of(seconds, report):
    began = time.monotonic()
    time.sleep(seconds)
    return began, time.monotonic()


def fail(report):
    report("about to")
    raise ValueError("the seventh seal\nis on its second line")


def die(sign, report):
    report("about to")
    os.kill(os.getpid(), sign)


def be_interrupted(report):
    os.kill(os.getpid(), signal.SIGINT)
    return "went on"


def die_halfway_through_a_message(report):
    """The end of the pipe, the only one this process holds, gets the head of a long message and no more."""
    connection = report.__closure__[0].cell_contents.__self__
    os.write(connection.fileno(), (10**6).to_bytes(4, "big") + b"not all of it")
    os.kill(os.getpid(), signal.SIGKILL)


def leave(code, report):
    sys.exit(code)


def sleep_for_ever(folder, report):
    (Path(folder) / str(os.getpid())).touch()
    report("asleep")
    time.sleep(600)


def give_what_cannot_be_sent(report):
    return lambda: None
