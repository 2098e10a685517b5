"""Makes tiny.py importable, which these tests share with a script that one of them kills."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
