"""Any report, from the trigger form: dimensions, metrics, JSON filters, dates, order.

Trigger it from the Airflow UI, or with ``--conf '{"metrics": "spend,clicks", ...}'``. The form's values are passed to
the operator through Jinja, as text or as lists; both are accepted. An empty field is null, and ``or ''`` turns it
into empty text, which means "not given"; ``None`` would be refused.
"""

try:
    from airflow.sdk import DAG, Param, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task
    from airflow.models.param import Param

from airflow_provider_tiktok.operators.report import TikTokReportOperator

with DAG(
    "example_tiktok_parametrised",
    schedule=None,
    catchup=False,
    tags=["tiktok"],
    params={
        # the form requires a value where null is not allowed
        "advertiser_ids": Param(
            None, type=["null", "string"], title="Advertiser IDs", description="Empty: the connection's"
        ),
        "dimensions": Param(["campaign_id", "stat_time_day"], type="array", title="Dimensions"),
        "metrics": Param("campaign_name, spend, impressions, clicks, ctr", type="string", title="Metrics"),
        "filters": Param(
            None,
            type=["null", "string"],
            title="Filters",
            description='JSON: [{"field_name": "campaign_ids", "filter_type": "IN", "filter_value": [123]}]; empty for none',
        ),
        "start": Param(None, type=["null", "string"], format="date", title="First day"),
        "end": Param(None, type=["null", "string"], format="date", title="Last day"),
        "order_field": Param("spend", type=["null", "string"], title="Order by"),
        "order_type": Param("DESC", enum=["DESC", "ASC"], title="Order"),
    },
):
    report = TikTokReportOperator(
        task_id="report",
        advertiser_ids="{{ params.advertiser_ids or '' }}",
        dimensions="{{ params.dimensions }}",
        metrics="{{ params.metrics }}",
        filters="{{ params.filters or '' }}",
        report_start_date="{{ params.start or '' }}",
        report_end_date="{{ params.end or '' }}",
        order_field="{{ params.order_field or '' }}",
        order_type="{{ params.order_type }}",
    )

    @task
    def show(rows: list[dict]) -> None:
        """Print the rows, as an example of a next task."""
        for row in rows[:20]:
            print(row)

    show(report.output["rows"])
