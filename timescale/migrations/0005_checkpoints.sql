-- Where each agent resumes: written only after the effects before it are durable.

CREATE TABLE checkpoints (
    agent            text        NOT NULL,
    topic_id         text        NOT NULL,
    partition        integer     NOT NULL,
    next_offset      bigint      NOT NULL,
    processed_offset bigint      NOT NULL,
    event_time       timestamptz,
    state            bytea,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent, topic_id, partition)
);
COMMENT ON COLUMN checkpoints.topic_id IS
    'Identity of the topic, not only its name: a topic created anew starts at offset 0 again';
COMMENT ON COLUMN checkpoints.next_offset IS 'Offset to resume reading from';
COMMENT ON COLUMN checkpoints.processed_offset IS
    'First offset whose effects are not yet durable; a save with a lower one is ignored';
