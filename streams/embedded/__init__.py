"""The real parts of the pipeline run as child processes of this one: no Docker, no Java."""
