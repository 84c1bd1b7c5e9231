-- TimescaleDB itself. On a server it must be in shared_preload_libraries (the image
-- timescale/timescaledb has it there); creating it needs a superuser or a trusted install.
CREATE EXTENSION IF NOT EXISTS timescaledb;
