"""How a file is written, and which part of it is read, said on the command line of every command that reads one."""
import pytest

from reprise.app.cli import main
from reprise.app.comparison.kinds import contest_of

WRITTEN = "--delimiter", "|", "--decimal", ",", "--encoding", "cp1252", "--time-format", "%d/%m/%Y"


@pytest.fixture(scope="module")
def cafe(tmp_path_factory):
    """Three months of a shop, without their last days, in columns between bars, decimal commas and Windows letters."""
    path = tmp_path_factory.mktemp("cafe") / "sold.csv"
    rows = [f"{1 + day % 28:02d}/{1 + day // 28:02d}/2023|{day % 7},5" for day in range(84)]
    path.write_bytes("\n".join(["Tag|Café", *rows]).encode("cp1252"))
    return path


@pytest.fixture
def run(capsys):
    def command(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        return ended.value.code, *capsys.readouterr()
    return command


def test_every_command_takes_it(cafe, run, tmp_path):
    code, out, err = run("inspect", cafe, *WRITTEN, "--start", "2023-01-08", "--end", "2023-02")
    assert code == 0 and "(Café), daily, 52 steps from 2023-01-08 to 2023-02-28" in out, err
    code, out, err = run("fit", cafe, *WRITTEN, "--end", "2023-02", "--budget", "0.3s", "--width", 8, "--horizon", 3,
                         "--out", tmp_path / "m")
    assert code == 0 and "to 2023-02-28" in out, err
    code, out, err = run("forecast", tmp_path / "m", cafe, *WRITTEN)
    assert code == 0 and "Café,2023-03-29," in out, err
    code, out, err = run("anomalies", tmp_path / "m", cafe, *WRITTEN, "--all", "--start", "2023-03")
    assert code == 0 and out.splitlines()[1].startswith("Café,2023-03-02,"), err


def test_a_comparison_takes_it(cafe):
    asked = {"delimiter": "|", "decimal": ",", "encoding": "cp1252", "time_format": "%d/%m/%Y", "end": "2023-02"}
    contest = contest_of((str(cafe),), None, asked)
    assert contest.kind == "series" and contest.card()["end"] == "2023-02-28"


def test_a_name_that_nothing_has(run):
    code, _, err = run("inspect", "airlin")
    assert code == 2 and "did you mean 'airline'" in err and "hdfs-sessions" in err
