"""Logs of events as a comparison meets them: opened, trained on, scored, saved, and told of in the report."""
import json
from itertools import islice

import numpy as np
import pytest

from reprise.app.comparison.contest import Entry, Recipe
from reprise.app.comparison.events import EventLogs
from reprise.app.report.kinds import events as report
from reprise.core.errors import InputError

ENTRY = Entry("gru", Recipe(width=8, depth=1, channel=None, batch=4), 0)


@pytest.fixture
def shop(tmp_path):
    draw = np.random.default_rng(0)
    lines = ["order,what,when,price"]
    for case in range(60):
        clock = np.datetime64("2024-03-01") + np.timedelta64(case, "h")
        for what in ["open", *["look"] * draw.integers(1, 5), draw.choice(["buy", "leave"])]:
            clock = clock + np.timedelta64(int(draw.integers(1, 600)), "s")
            lines.append(f"{case},{what},{str(clock).replace('T', ' ')},{draw.integers(9)}")
    (tmp_path / "shop.csv").write_text("\n".join(lines) + "\n")
    reading = (("activity", "what"), ("attributes", ("price",)), ("case", "order"), ("time", "when"))
    return EventLogs((str(tmp_path / "shop.csv"),), length=16, reading=reading)


def test_a_model_is_trained_scored_and_found_again(shop, tmp_path):
    run = shop.run(ENTRY, 4)
    assert shop.units(ENTRY) == 4 * 16 and len(list(islice(run, 4))) == 4
    trained = run.model.eval()
    result = shop.test(ENTRY, trained)
    assert 0 < result.score < 5 and set(result.further) == {measure.name for measure in shop.further}
    assert shop.validate(ENTRY, trained) > 0
    shop.save(ENTRY, trained, tmp_path / "model")
    assert shop.test(ENTRY, shop.load(ENTRY, tmp_path / "model")) == result
    shop.stepper(ENTRY, trained)()
    assert shop.state_bytes(ENTRY, trained) == 8 * 4


def test_the_same_run_each_time(shop):
    losses = [[record.loss for record in islice(shop.run(ENTRY, 3), 3)] for _ in range(2)]
    assert losses[0] == losses[1]


def test_baselines_are_scored_alike(shop):
    assert shop.baselines()[:3] == ("most-frequent", "repeat-last", "markov-1")
    frequent, chain = (shop.baseline(name)[0] for name in ("most-frequent", "markov-2"))
    assert chain["score"] < frequent["score"] and chain["group"] == "markov" and "last 2 events" in chain["why"]
    assert set(chain["further"]) == {measure.name for measure in shop.further}


def test_the_report_tells_of_it(shop):
    card = json.loads(json.dumps(shop.card()))
    assert card["name"] == "shop" and card["digest"] and card["parts"]["test"][0] == 12
    assert "60 cases" in report.size(card) and "60 cases" in shop.told() and "split by case" in shop.told()
    facts = dict(report.facts(card))
    assert facts["attributes"] == "price" and facts["kinds of event"] == "4" and facts["median gap"].endswith(" s")
    trained = shop.run(ENTRY, 1).model.eval()
    detail = json.loads(json.dumps(shop.test(ENTRY, trained).detail))
    model = {"name": "gru", "status": "done", "score": {"median": 1.0, "values": [1.0]}, "detail": detail}
    summary = {"models": [model], "baselines": [], "measure": shop.measure.told(),
               "shown": {"model": "gru", **json.loads(json.dumps(shop.shown(ENTRY, trained)))}}
    (_, _, picture), (_, _, case) = report.sections(summary)
    assert "<svg" in picture and "open" in case and "expected" in case


def test_what_does_not_fit():
    with pytest.raises(InputError, match="one file at a time, got 2"):
        EventLogs(("a.csv", "b.csv"))
    with pytest.raises(InputError, match="length: expected more than 0, got 0"):
        EventLogs(("a.csv",), length=0)
