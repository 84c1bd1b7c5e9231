from timescale.statements import split_statements


def test_semicolons_in_quotes_and_comments_do_not_split() -> None:
    script = """
    -- a comment; with a semicolon
    INSERT INTO t VALUES ('a;b', 'it''s;', E'\\';');
    /* block; /* nested; */ still; */
    CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $body$ BEGIN; RETURN 1; END $body$;
    DO $$ BEGIN PERFORM 1; END $$;
    CREATE TABLE "odd;name" (a int)
    """
    statements = split_statements(script)
    assert len(statements) == 4
    assert statements[0].endswith("E'\\';')")
    assert statements[1].endswith("$body$")
    assert statements[3] == 'CREATE TABLE "odd;name" (a int)'


def test_nothing_but_comments_is_no_statement() -> None:
    assert split_statements("-- only\n/* this */ ; ;\n") == []


def test_parameters_are_not_dollar_quotes() -> None:
    assert len(split_statements("PREPARE p AS SELECT $1; SELECT $2")) == 2
