-- A forced scan is looked up by its request five times a second, the cycle of a scan by its id.

CREATE INDEX trading_cycles_by_request ON trading_cycles ((data->>'request'))
    WHERE data->>'request' IS NOT NULL;
CREATE INDEX trading_cycles_by_scan ON trading_cycles ((data->>'scan_id'));
