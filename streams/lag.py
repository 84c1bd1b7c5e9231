"""How far this worker is behind on what it reads."""

from __future__ import annotations

from typing import Any

from faust.exceptions import ConsumerNotStarted

from agents import metrics


def consumer_lag(app: Any) -> dict[str, int]:
    """Records not taken in yet, by topic, of the partitions that ``app`` has now."""
    try:
        mine = {(tp.topic, str(tp.partition)) for tp in app.consumer.assignment()}
    except ConsumerNotStarted:
        return {}
    lag: dict[str, int] = {}
    for family in metrics.LAG.collect():
        for sample in family.samples:
            topic, partition = sample.labels["topic"], sample.labels["partition"]
            if (topic, partition) in mine:
                lag[topic] = lag.get(topic, 0) + int(sample.value)
    return lag
