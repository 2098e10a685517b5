"""What kind of bytes a file begins with: None for text, otherwise a phrase to tell the user."""
import numpy as np

__all__ = ["HEAD", "binary_kind"]

HEAD = 1 << 16  # bytes looked at
CONTROL_SHARE = 0.05  # text has hardly any control characters; compressed or encoded data has 10 % or more

SIGNATURES = (
    (b"\x7fELF", "an executable (ELF)"),
    (b"MZ", "a Windows executable"),
    (b"\xcf\xfa\xed\xfe", "an executable (Mach-O)"),
    (b"\xca\xfe\xba\xbe", "a Java class or Mach-O executable"),
    (b"\x00asm", "a WebAssembly module"),
    (b"PK\x03\x04", "a zip archive or office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-zip archive"),
    (b"Rar!\x1a", "a rar archive"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a RIFF sound, picture or film"),
    (b"OggS", "an Ogg sound or film"),
    (b"fLaC", "a FLAC sound"),
    (b"ID3", "an MP3 sound"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old office document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PAR1", "a Parquet table"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\xff\xfe", "UTF-16 text (convert it to UTF-8 first)"),
    (b"\xfe\xff", "UTF-16 text (convert it to UTF-8 first)"),
)


def binary_kind(head: bytes) -> str | None:
    """None if a file that begins with `head` looks like text (UTF-8 or an older encoding), else what it looks like."""
    for signature, kind in SIGNATURES:
        if head.startswith(signature) and _not_plain(head, signature):
            return kind
    if head[257:262] == b"ustar":
        return "a tar archive"
    counts = np.bincount(np.frombuffer(head, np.uint8), minlength=256)
    if counts[0]:
        return "binary data (it has zero bytes)"
    control = counts[:32].sum() - counts[[8, 9, 10, 12, 13, 27]].sum() + counts[127]
    if control > CONTROL_SHARE * max(len(head), 1):
        return "binary data (it has many control characters)"
    return None


def _not_plain(head: bytes, signature: bytes) -> bool:
    """Whether the signature means anything here: a text may well begin with the letters MZ, BZh or ID3."""
    if not signature.isascii() or not signature.isalnum():
        return True
    return bool(set(head[:512]) & (set(range(9)) | set(range(14, 27))))
