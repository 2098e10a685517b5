"""Makes chores.py importable, here and in the processes that run them."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
