"""A trained model as a folder, in the Hugging Face convention: model.safetensors and config.json, here or on the hub."""
import json
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from reprise.core.configured import Configured
from reprise.core.errors import InputError
from reprise.core.files import atomic_write, load_tensors, save_tensors

__all__ = ["Pretrained"]

Model = TypeVar("Model", bound="Pretrained")

WEIGHTS, CONFIG = "model.safetensors", "config.json"


class Pretrained(Configured, nn.Module):
    """`save_pretrained`, `from_pretrained` and `push_to_hub` for a model whose options are plain JSON."""

    def save_pretrained(self, folder: str | Path, **about: Any) -> Path:
        """Write weights and configuration (and what else there is to say, plain JSON) into `folder`. Atomic, file by file."""
        folder = Path(folder)
        config = {"model": type(self).__name__, "options": self.options, **about}
        save_tensors(folder / WEIGHTS, self.state_dict(), {"kind": "model", **config})
        atomic_write(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())
        return folder

    @classmethod
    def from_pretrained(cls: type[Model], source: str | Path, *, revision: str | None = None) -> Model:
        """The model in a folder, or in the hub's repository of that name ("owner/name", at `revision`), in evaluation mode.

        Raises InputError for what is neither, for a damaged file (with the tensor's name) and for another class of model.
        """
        folder = Path(source) if Path(source).exists() else _download(str(source), revision)
        weights, about = load_tensors(folder / WEIGHTS if folder.is_dir() else folder, "model")
        if about["model"] != cls.__name__:
            raise InputError(f"{source}: holds a {about['model']}, not a {cls.__name__}; load it with {about['model']}.from_pretrained")
        model = cls(**about["options"])
        model.to(next(iter(weights.values())).dtype)
        model.load_state_dict(weights)
        return model.eval()

    def push_to_hub(self, repository: str, *, private: bool = False, token: str | None = None) -> str:
        """Upload to the hub as "owner/name", which is made if it is missing; returns its address."""
        import tempfile

        from huggingface_hub import HfApi

        hub = HfApi(token=token)
        hub.create_repo(repository, private=private, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return hub.upload_folder(repo_id=repository, folder_path=folder, commit_message="Model saved by reprise")


def _download(repository: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    if repository.count("/") != 1:
        raise InputError(f"{repository}: no such folder; give one that save_pretrained wrote, or a hub repository as owner/name")
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=[WEIGHTS, CONFIG]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(f"{repository}: neither a folder here nor a repository the hub gives ({type(error).__name__}); "
                         "check the name and the connection") from error
