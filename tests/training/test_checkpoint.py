import os
from unittest.mock import Mock

import pytest
import torch
from tiny import Tiny, advance, tiny_run

from reprise.core.errors import InputError
from reprise.core.files import digest
from reprise.training.checkpoint import Checkpoints, load_checkpoint, save_checkpoint
from reprise.training.guard import NonFinite
from reprise.training.optimisers import adamw
from reprise.training.run import Run
from reprise.training.schedules import WarmupDecay


@pytest.mark.parametrize("stop", [1, 5, 7, 12, 19])
def test_goes_on_bit_for_bit(tmp_path, stop):
    whole = tiny_run()
    records = advance(whole, 20)
    first = tiny_run()
    advance(first, stop)
    first.save(tmp_path / "a")
    torch.manual_seed(99)  # another process: nothing is as it was
    torch.rand(7)
    second = tiny_run()
    advance(second, 2)
    second.load(tmp_path / "a")
    assert advance(second, 20) == records[stop:]
    assert digest(second.model.state_dict()) == digest(whole.model.state_dict())
    assert (second.tokens, second.smoothed_loss) == (whole.tokens, whole.smoothed_loss)
    assert torch.equal(second.state[1][0], whole.state[1][0])


def test_saving_changes_nothing(tmp_path):
    whole, saved = tiny_run(), tiny_run()
    expected = advance(whole, 8)
    torch.manual_seed(3)
    saved = tiny_run()
    found = []
    for step in range(1, 9):
        found += advance(saved, step)
        saved.save(tmp_path / "a")
    assert found == expected


def test_trees_come_back(tmp_path):
    tree = {"a": [1, 2.5, None, "x", True], "b": (torch.ones(2), {0: torch.zeros(()), "tensor": "word"}), "c": {},
            "d": (), "dict": {"dict": [], "list": 3}, "e": {"a/b": torch.ones(1)}}
    save_checkpoint(tmp_path / "a", tree)
    back = load_checkpoint(tmp_path / "a")
    assert str(back) == str(tree)


def test_keeps_the_last_two_and_clears_what_a_kill_left(tmp_path):
    run, kept = tiny_run(), Checkpoints(tmp_path)
    assert kept.restore(run) is None
    for step in (1, 2, 3, 4):
        advance(run, step)
        kept.save(run)
    assert [p.name for p in kept.paths()] == ["step-00000003.safetensors", "step-00000004.safetensors"]
    (tmp_path / ".step-00000005.safetensors.1.ab.tmp").write_bytes(b"half")
    (tmp_path / "step-notes.safetensors").write_bytes(b"not ours")
    other = tiny_run()
    assert kept.restore(other) == tmp_path / "step-00000004.safetensors"
    assert other.step == 4
    assert sorted(p.name for p in tmp_path.iterdir() if p not in kept.paths()) == ["step-notes.safetensors"]


def test_a_damaged_checkpoint_is_named_with_the_one_before(tmp_path):
    run, kept = tiny_run(), Checkpoints(tmp_path)
    for step in (1, 2):
        advance(run, step)
        latest = kept.save(run)
    data = bytearray(latest.read_bytes())
    data[-1] ^= 1
    latest.write_bytes(data)
    before = digest(run.model.state_dict())
    with pytest.raises(InputError, match=r"step-00000002.*is damaged.*go on from .*step-00000001.*, delete step-0*2"):
        kept.restore(run)
    assert digest(run.model.state_dict()) == before
    latest.unlink()
    kept.restore(run)
    assert run.step == 1


@pytest.mark.parametrize("call", ["os.fsync", "os.replace", "builtins.open"])
def test_a_full_disk_leaves_the_previous_checkpoint(tmp_path, monkeypatch, call):
    run, kept = tiny_run(), Checkpoints(tmp_path)
    advance(run, 3)
    kept.save(run)
    weights = digest(run.model.state_dict())
    advance(run, 4)
    monkeypatch.setattr(call, Mock(side_effect=OSError(28, os.strerror(28))))
    with pytest.raises(InputError, match=r"step-00000004.*no space left: free some or choose another --out"):
        kept.save(run)
    monkeypatch.undo()
    again = tiny_run()
    assert kept.restore(again) == tmp_path / "step-00000003.safetensors"
    assert digest(again.model.state_dict()) == weights
    assert len(list(tmp_path.iterdir())) == 1


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    run, kept = tiny_run(), Checkpoints(tmp_path)
    advance(run, 2)
    kept.save(run)
    with torch.no_grad():
        run.model.head.bias[1] = torch.inf
    with pytest.raises(NonFinite, match=r"step 2: not finite: parameter 'head\.bias'; nothing was saved"):
        kept.save(run)
    assert len(kept.paths()) == 1


def built(model=None, **changes):
    model = model or Tiny()
    return Run(**({"model": model, "batches": tiny_run().batches, "optimiser": adamw(model, rate=1e-2),
                   "schedule": WarmupDecay(20, warmup=3)} | changes))


def test_a_checkpoint_of_another_run_is_refused_untouched(tmp_path):
    run = tiny_run()
    advance(run, 3)
    run.save(tmp_path / "a")
    wide = Tiny(width=9)
    sgd = torch.optim.SGD(wide.parameters(), lr=1.0)
    wrong = {"its schedule: steps is 20 saved, 30 here": built(schedule=WarmupDecay(30, warmup=3)),
             "its clip: 1.0 saved, 2.0 here": built(clip=2.0),
             r"weights: embedding.weight is torch.float32 \(16, 8\) saved, torch.float32 \(16, 9\) here": built(wide),
             "its optimiser: decayed is 3 saved, missing here": built(optimiser=sgd)}
    for message, other in wrong.items():
        before = digest(other.model.state_dict())
        with pytest.raises(InputError, match=message):
            other.load(tmp_path / "a")
        assert digest(other.model.state_dict()) == before
        assert other.step == 0
    with pytest.raises(InputError, match="kind"):
        from reprise.core.files import save_tensors
        save_tensors(tmp_path / "b", {}, {"kind": "state"})
        run.load(tmp_path / "b")


def test_a_run_may_be_given_another_schedule_once_loaded(tmp_path):
    run = tiny_run(20)
    advance(run, 20)
    run.save(tmp_path / "a")
    longer = tiny_run(20)
    longer.load(tmp_path / "a")
    longer.schedule = WarmupDecay(40, warmup=3)
    assert advance(longer, 21)[0].rate == pytest.approx(1e-2 * 20 / 37)
