"""A trained model as a folder, as Hugging Face has it: model.safetensors and config.json, here or on the hub."""
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from reprise.core.configured import Configured
from reprise.core.errors import InputError
from reprise.core.files import atomic_write, load_tensors, save_tensors
from reprise.models.tokens import TOKENS

__all__ = ["CONFIG", "RESERVED", "WEIGHTS", "Pretrained", "download", "refuse_reserved"]

Model = TypeVar("Model", bound="Pretrained")

FILES = WEIGHTS, CONFIG = "model.safetensors", "config.json"
RESERVED = "kind", "model", "options"  # what says how the model is built again


class Pretrained(Configured, nn.Module):
    """`save_pretrained`, `from_pretrained` and `push_to_hub` for a model whose options are plain JSON."""

    def save_pretrained(self, folder: str | Path, **about: Any) -> Path:
        """Write weights and configuration, with whatever is said `about` it (plain JSON), each file atomically.

        Raises InputError for a name in `about` under which something of the model's own is kept.
        """
        refuse_reserved(about, RESERVED)
        folder = Path(folder)
        config = {"model": type(self).__name__, "options": self.options, **about}
        save_tensors(folder / WEIGHTS, self.state_dict(), {"kind": "model", **config})
        atomic_write(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())
        return folder

    @classmethod
    def from_pretrained(cls: type[Model], source: str | Path, *, revision: str | None = None) -> Model:
        """The model in a folder, or in the hub's repository "owner/name" (at `revision`), in evaluation mode.

        Raises InputError for what is neither, for a damaged file (with the tensor's name), for another class of model.
        """
        folder = Path(source) if Path(source).exists() else download(str(source), revision, (*FILES, *TOKENS))
        weights, about = load_tensors(folder / WEIGHTS if folder.is_dir() else folder, "model")
        if about["model"] != cls.__name__:
            raise InputError(f"{source}: holds a model of class {about['model']}, not {cls.__name__}; "
                             f"load it with {about['model']}.from_pretrained")
        try:
            model = cls(**about["options"])
            model.to(next(iter(weights.values())).dtype)  # what is not saved
            model.load_state_dict(weights, assign=True)  # in the precision that each has
        except (RuntimeError, TypeError, StopIteration) as error:
            raise InputError(f"{source}: does not fit this version of {cls.__name__} "
                             f"({str(error).splitlines()[0]}); load it with the version that saved it") from error
        model.beside_weights(folder if folder.is_dir() else folder.parent, about)
        return model.eval()

    def beside_weights(self, folder: Path, about: dict[str, Any]) -> None:
        """What else a model reads from its folder, where what was said `about` it is known."""

    def push_to_hub(self, repository: str, *, private: bool = False, token: str | None = None) -> str:
        """Upload to the hub as "owner/name", which is made if it is missing; returns its address."""
        import tempfile

        from huggingface_hub import HfApi

        hub = HfApi(token=token)
        hub.create_repo(repository, private=private, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            said = "Model saved by reprise"
            return hub.upload_folder(repo_id=repository, folder_path=folder, commit_message=said)


def refuse_reserved(about: dict[str, Any], names: Sequence[str]) -> None:
    """Raises InputError where what is said about a model would replace what is kept of it under the same name."""
    if taken := sorted(about.keys() & set(names)):
        raise InputError(f"save_pretrained: {taken[0]!r} is said by the model itself, got {about[taken[0]]!r:.60}; "
                         f"use another name than {', '.join(names)}")


def download(repository: str, revision: str | None, names: Sequence[str]) -> Path:
    """The folder with what the hub's repository "owner/name" has of these files (patterns, as of a shell)."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    if repository.count("/") != 1:
        raise InputError(f"{repository}: no such folder; give one that save_pretrained wrote, "
                         "or a hub repository as owner/name")
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=list(names)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(f"{repository}: neither a folder here nor a repository that the hub gives "
                         f"({type(error).__name__}); check the name and the connection") from error
