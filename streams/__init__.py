"""The Faust app, settings, topics, producers and the command line."""

import os

# Matrices here are of some hundred securities: a second thread of BLAS only waits beside the first,
# and takes the core that tracking or the database needs. It is read when NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
