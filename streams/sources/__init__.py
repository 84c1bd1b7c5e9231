"""Where quotes come from: history files, recordings, the sample that ships along, a simulation.

Sources are plain iterators over columns; they know no Kafka.
"""
