"""Tables of which nothing says at which version they are: they are no empty database, and no migration touches them."""

import sqlalchemy as sa


def test_a_database_without_its_version_table_is_not_migrated(make_app, crm):
    app = make_app()
    crm.ok("customer", "add", "--code", "A1", "--name", "甲公司")
    with app.engine.connect() as connection:
        driver = connection.connection.driver_connection
        driver.execute("DROP TABLE alembic_version_crmcore")
        driver.commit()
    result = crm("db", "migrate")
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "crm: the database has tables (change_log, customer) but no alembic_version"
    )
    assert "crm db restore" in result.stderr
    assert result.stderr.count("\n") == 1
    with app.engine.connect() as connection:
        assert "alembic_version_crmcore" not in sa.inspect(connection).get_table_names()
        assert connection.scalar(sa.text("SELECT code FROM customer")) == "A1"
