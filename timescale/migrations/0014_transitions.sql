-- The state machines of cycles and their steps, kept by the database for every caller.

CREATE TABLE state_transitions (
    machine    text NOT NULL CHECK (machine IN ('cycle', 'step')),
    from_state text NOT NULL,
    to_state   text NOT NULL,
    PRIMARY KEY (machine, from_state, to_state)
);
COMMENT ON TABLE state_transitions IS 'What may follow what; (new) is the state before the first';
INSERT INTO state_transitions VALUES
    ('cycle', '(new)', 'created'), ('cycle', '(new)', 'scanning'),
    ('cycle', 'created', 'scanning'), ('cycle', 'created', 'failed'),
    ('cycle', 'created', 'cancelled'),
    ('cycle', 'scanning', 'trading'), ('cycle', 'scanning', 'paused'),
    ('cycle', 'scanning', 'completed'), ('cycle', 'scanning', 'failed'),
    ('cycle', 'scanning', 'cancelled'),
    ('cycle', 'trading', 'scanning'), ('cycle', 'trading', 'paused'),
    ('cycle', 'trading', 'completed'), ('cycle', 'trading', 'failed'),
    ('cycle', 'trading', 'cancelled'),
    ('cycle', 'paused', 'scanning'), ('cycle', 'paused', 'trading'),
    ('cycle', 'paused', 'failed'), ('cycle', 'paused', 'cancelled'),
    ('step', '(new)', 'started'), ('step', '(new)', 'skipped'),
    ('step', 'started', 'completed'), ('step', 'started', 'failed'),
    ('step', 'completed', 'started'), ('step', 'failed', 'started'), ('step', 'skipped', 'started'),
    ('step', 'failed', 'skipped');

CREATE FUNCTION check_transition(machine text, subject text, from_state text, to_state text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM state_transitions t WHERE t.machine = check_transition.machine
                   AND t.from_state = check_transition.from_state
                   AND t.to_state = check_transition.to_state) THEN
        RAISE EXCEPTION '%: % cannot become %', subject, from_state, to_state
            USING ERRCODE = 'CS001';
    END IF;
END $$;

CREATE FUNCTION check_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM check_transition('cycle', 'cycle ' || NEW.cycle_id, '(new)', NEW.status);
    ELSIF NEW.status <> OLD.status THEN
        PERFORM check_transition('cycle', 'cycle ' || NEW.cycle_id, OLD.status, NEW.status);
    END IF;
    IF NEW.status IN ('completed', 'failed', 'cancelled') THEN
        NEW.ended_at := coalesce(NEW.ended_at, clock_timestamp());
    END IF;
    IF TG_OP = 'UPDATE' THEN
        NEW.version := OLD.version + 1;
        NEW.updated_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_cycle BEFORE INSERT OR UPDATE ON trading_cycles
    FOR EACH ROW EXECUTE FUNCTION check_cycle();

CREATE FUNCTION check_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cycle_status text;
    previous     text;
BEGIN
    -- Two steps of one cycle cannot be logged at once, or both would follow the same state.
    SELECT status INTO cycle_status FROM trading_cycles
    WHERE cycle_id = NEW.cycle_id FOR NO KEY UPDATE;
    IF cycle_status IN ('completed', 'failed', 'cancelled') AND NEW.status = 'started' THEN
        RAISE EXCEPTION 'step %: the cycle is already %', NEW.step, cycle_status
            USING ERRCODE = 'CS001';
    END IF;
    SELECT status INTO previous FROM workflow_log
    WHERE cycle_id = NEW.cycle_id AND step = NEW.step ORDER BY id DESC LIMIT 1;
    PERFORM check_transition('step', 'step ' || NEW.step, coalesce(previous, '(new)'), NEW.status);
    RETURN NEW;
END $$;
CREATE TRIGGER check_step BEFORE INSERT ON workflow_log
    FOR EACH ROW EXECUTE FUNCTION check_step();

-- A new version of a key. One writer at a time, so that change_id also orders the commits and a
-- reader that has seen one change has seen all before it.
CREATE FUNCTION set_configuration(new_key text, new_value jsonb, new_type text, by_whom text,
                                  expected_version integer, remove boolean, retype boolean)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    newest configuration;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('catalyst.configuration'));
    SELECT * INTO newest FROM configuration WHERE key = new_key ORDER BY version DESC LIMIT 1;
    IF expected_version IS NOT NULL AND expected_version <> coalesce(newest.version, 0) THEN
        RAISE EXCEPTION '% is at version %, not %', new_key, coalesce(newest.version, 0),
            expected_version USING ERRCODE = 'CS002';
    END IF;
    IF newest.version IS NOT NULL AND NOT newest.deleted AND NOT remove AND NOT retype
       AND newest.value_type <> new_type THEN
        RAISE EXCEPTION '% holds a %, not a %', new_key, newest.value_type, new_type
            USING ERRCODE = 'CS003';
    END IF;
    INSERT INTO configuration (key, version, value, value_type, deleted, changed_by)
    VALUES (new_key, coalesce(newest.version, 0) + 1, coalesce(new_value, 'null'),
            coalesce(new_type, newest.value_type, 'object'), remove, by_whom);
    RETURN coalesce(newest.version, 0) + 1;
END $$;
