"""Published logs of events by name, with their official parts."""
from reprise.data.events.log import EventLog
from reprise.data.events.sessions import log_of_lines
from reprise.data.published import Published, read_published

__all__ = ["list_events", "open_named"]

DEEPLOG = "https://raw.githubusercontent.com/wuyifan18/DeepLog/master/data/"
BOOK_ORDER = "https://raw.githubusercontent.com/dunan/NeuralPointProcess/master/data/real/book_order/"
SESSIONS = {  # name -> the folder of the set, and the file
    "hdfs-sessions": Published(
        "hdfs_train", None, DEEPLOG, "55cb65a39728b0d21ab95d0bb44a586e79e27993d7a799e2f42e8a5d7fb20d49"),
    "hdfs-sessions-abnormal": Published(
        "hdfs_test_abnormal", None, DEEPLOG, "a1e6c2706bd4df4b068f4b5a06dc1425bfd8d90e68905998d51825dedc563dd0"),
}
ORDERS = {  # part -> what happened, and when
    "train": (
        Published("event-1-train.txt", "train", BOOK_ORDER,
                  "c5c31cb2ebe4e768210faafd3297e990d2ed1aa9a5bc76524b73be5c7b788255"),
        Published("time-1-train.txt", "train", BOOK_ORDER,
                  "21fdd877a96c3b0b0a4c78490f7d07549e8df2ae8518159810ac44ebe0553acb")),
    "test": (
        Published("event-1-test.txt", "test", BOOK_ORDER,
                  "0e0d660ecfc9621cb4065b52d8002d622ccc4e9f479d7551d4e0a5087c18b5d4"),
        Published("time-1-test.txt", "test", BOOK_ORDER,
                  "87192b7f4d4edb0d29644740244778dda9b87ead9e0dbf0cfbfb700b565ee642")),
}


def list_events() -> list[str]:
    """The names `open_events` knows."""
    return sorted([*SESSIONS, "book-order-events"])


def open_named(name: str) -> EventLog:
    """A set of `list_events()`. Raises InputError where it is neither in `REPRISE_DATA` nor can be downloaded.

    hdfs-sessions: sessions of the Hadoop file system, all of them normal, as kinds of log line without times;
    hdfs-sessions-abnormal: those found to be faulty. Source: Du et al. 2017, DeepLog, CCS   (du2017deeplog)
    book-order-events: buying and selling in an order book, with times, in the official first fold.
    Source: Du et al. 2016, Recurrent marked temporal point processes, KDD   (du2016recurrent)
    """
    if name in SESSIONS:
        file = SESSIONS[name]
        return log_of_lines(name, file.file, read_published("hdfs-sessions", file))
    logs, parts = [], []
    for part, files in ORDERS.items():
        (events, what), (clock, when) = [(file.file, read_published(name, file)) for file in files]
        logs.append(log_of_lines(name, events, what, (clock, when)))
        parts += [part] * len(logs[-1])
    train, test = logs
    cases = (*train.cases, *test.under(train.vocabulary).cases)
    return EventLog(name, cases, train.vocabulary, notes=train.notes, parts=tuple(parts))
