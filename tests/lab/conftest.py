"""Makes chores.py and trials importable, here and in the processes that run them; and app's page_reader.py."""
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "app")]
