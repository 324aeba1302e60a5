"""The SQL that databases get which can't run here."""

import pytest
import sqlalchemy as sa

from airflow_provider_tiktok.storage.tables.database import Database

COLUMNS = {
    "advertiser_id": "string",
    "Day": "date",
    "order": "string",  # a reserved word
    "ad name": "string",
    "50%": "decimal",
    "clicks": "integer",
    "hour": "timestamp",
    "seconds": "float",
}
KEY = ("advertiser_id", "Day", "order")
OTHERS = {
    "bigquery": (
        "CREATE TABLE `Mart`.`Ads` ( `advertiser_id` STRING(255), `Day` DATE, `order` STRING(255), "
        "`ad name` STRING(4000), `50%` BIGNUMERIC(38, 10), `clicks` INT64, `hour` DATETIME, `seconds` FLOAT64 )",
        "ALTER TABLE `Mart`.`Ads` ADD COLUMN `clicks` INT64",
        "`lake`.`Mart`.`Ads`",
    ),
    "mssql": (
        "CREATE TABLE [Mart].[Ads] ( [advertiser_id] NVARCHAR(255) NULL, [Day] DATE NULL, [order] NVARCHAR(255) NULL, "
        "[ad name] NVARCHAR(4000) NULL, [50%] NUMERIC(38, 10) NULL, [clicks] BIGINT NULL, [hour] DATETIME NULL, "
        "[seconds] FLOAT(53) NULL, "
        "CONSTRAINT NAME UNIQUE ([advertiser_id], [Day], [order]) )",
        "ALTER TABLE [Mart].[Ads] ADD [clicks] BIGINT NULL",
        "lake.[Mart].[Ads]",
    ),
    "redshift": (
        'CREATE TABLE "Mart"."Ads" ( "advertiser_id" VARCHAR(255), "Day" DATE, "order" VARCHAR(255), '
        '"ad name" VARCHAR(4000), "50%" NUMERIC(38, 10), "clicks" BIGINT, "hour" TIMESTAMP WITHOUT TIME ZONE, '
        '"seconds" FLOAT(53), '
        'CONSTRAINT NAME UNIQUE ("advertiser_id", "Day", "order") )',
        'ALTER TABLE "Mart"."Ads" ADD COLUMN "clicks" BIGINT',
        '"lake"."Mart"."Ads"',
    ),
    "snowflake": (
        'CREATE TABLE "Mart"."Ads" ( "advertiser_id" VARCHAR(255), "Day" DATE, "order" VARCHAR(255), '
        '"ad name" VARCHAR(4000), "50%" NUMERIC(38, 10), "clicks" BIGINT, "hour" datetime, "seconds" FLOAT, '
        'CONSTRAINT NAME UNIQUE ("advertiser_id", "Day", "order") )',
        'ALTER TABLE "Mart"."Ads" ADD COLUMN "clicks" BIGINT',
        '"lake"."Mart"."Ads"',
    ),
}  # fmt: skip
PACKAGES = {
    "bigquery": "sqlalchemy_bigquery",
    "redshift": "sqlalchemy_redshift",
    "snowflake": "snowflake.sqlalchemy",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_databases_get_their_own_sql(name):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name], reason="`make stores` installs it", exc_type=ImportError)
    engine = sa.create_mock_engine(f"{name}://", None)
    engine.dialect.server_version_info = (15,)

    def sql(statement):
        return " ".join(str(statement.compile(dialect=engine.dialect)).replace("%%", "%").split())

    one = Database(engine, ("Mart", "Ads"))
    (create,) = one.create(COLUMNS, KEY, "0" * 12)
    (add,) = one.add({"clicks": "integer"}, KEY)
    (constraint,) = (unique.name for unique in create.element.constraints if unique.name)
    in_catalog = sa.delete(Database(engine, ("lake", "Mart", "Ads")).rows(COLUMNS))
    wanted, wanted_add, wanted_name = OTHERS[name]
    assert (sql(create).replace(constraint, "NAME"), sql(add)) == (wanted, wanted_add)
    assert sql(in_catalog) == f"DELETE FROM {wanted_name}"
