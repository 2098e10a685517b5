"""Files of torch's that are no such thing inside, and pieces of a checkpoint that are damaged or gone."""
import io
import json

import pytest
import torch

from reprise.core.errors import InputError
from reprise.models.checkpoints.weights import open_weights


@pytest.mark.parametrize("program", [b"h\x05.", b".", b"s.", b"K\x01K\x02\x86R.", b"(.", b"]K\x01K\x02s."], ids=str)
def test_pickles_that_are_malformed(tmp_path, program):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"\x80\x02" + program)
    with pytest.raises(InputError, match=r"weights\.pt: .*damaged"):
        open_weights(path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_file_with_any_byte_changed(tmp_path):
    """Read, or refused in words; never a raw error of torch's."""
    buffer, path, refused = io.BytesIO(), tmp_path / "weights.pt", 0
    torch.save({"a": torch.ones(3)}, buffer, _use_new_zipfile_serialization=False)
    content = buffer.getvalue()
    for i in range(len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1:])
        try:
            open_weights(path)
        except InputError:
            refused += 1
    assert refused > len(content) / 2


@pytest.mark.parametrize(("name", "content"), [
    ("half.safetensors", None), ("half.safetensors", b"cut"), ("half.bin", None), ("half.bin", b"cut")], ids=str)
def test_the_piece_that_is_damaged_is_named(tmp_path, name, content):
    base = "model.safetensors" if name.endswith("safetensors") else "pytorch_model.bin"
    (tmp_path / f"{base}.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as caught:
        open_weights(tmp_path)
    said = str(caught.value)
    assert said.startswith(str(tmp_path / name)) and "index.json" not in said
