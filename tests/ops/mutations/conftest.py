"""Makes mutants.py and judge.py importable, which these tests share with hunt.py, a process of its own."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
