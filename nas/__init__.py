"""The engine: searches, scales and exports image classifiers. No Django, Celery, Channels or Redis."""

import os

# Must be set before torch is loaded. By default idle OpenMP threads spin for work; where anything else wants
# the cores (a second worker, the web server) a training then runs several times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
