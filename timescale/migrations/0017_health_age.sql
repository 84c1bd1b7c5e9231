-- Health of services that are no more goes after a week; whoever reports sees to it.

CREATE FUNCTION age_service_health() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM service_health WHERE updated_at < clock_timestamp() - INTERVAL '7 days';
    RETURN NULL;
END $$;
CREATE TRIGGER age_service_health AFTER INSERT ON service_health
    FOR EACH STATEMENT EXECUTE FUNCTION age_service_health();
