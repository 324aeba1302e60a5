"""Templates that render to nothing: None is refused, empty text and an explicit None mean "not given"."""

import copy
import pickle
from types import SimpleNamespace

import pytest

from airflow_provider_tiktok._compat import AirflowFailException
from airflow_provider_tiktok._compat_late import object_storage_path
from airflow_provider_tiktok.exceptions import TikTokInvalidRequestError
from airflow_provider_tiktok.operators.advertisers import TikTokListAdvertisersOperator
from airflow_provider_tiktok.operators.report import TikTokReportOperator
from airflow_provider_tiktok.operators.report_to_sql import TikTokReportToSqlOperator
from airflow_provider_tiktok.sensors.report import TikTokReportReadySensor
from tests.operators.test_report_operator import TaskInstance, accounts

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

KINDS = (
    TikTokReportOperator,
    TikTokReportToSqlOperator,
    TikTokListAdvertisersOperator,
    TikTokReportReadySensor,
)
NEEDED = {TikTokReportToSqlOperator: {"sql_conn_id": "warehouse", "table": "ads"}}
ON_PURPOSE = (
    *(None, "", "{{ empty }}", "{{ nothing or '' }}", "{{ one }}", ["{{ one }}"], "Nonesuch, {{ one }}"),
    *(
        "{{ name }}",
        "ads_{{ name }}.csv",
        "{{ one }}_None.csv",
        ["{{ name }}"],
        "{% for x in two %}x{% endfor %}",
    ),
    *(
        {"a": None, "b": "{{ one }}"},
        '{"a": null}',
        ["7", None],
        {"a": [None, True]},
        "s3://lake/None/rows.csv",
    ),
)
CONTEXT = {
    "nothing": None,
    "empty": "",
    "one": "7",
    "params": {"nothing": None},
    "two": ["7", None],
    "name": "Search_None - UK",
}


def make(kind=TikTokReportOperator, dag=None, **parameters):
    return kind(task_id="task", dag=dag, **{**NEEDED.get(kind, {}), **parameters})


def render(operator):
    operator.render_template_fields(dict(CONTEXT))
    return operator


def refusal(operator):
    with pytest.raises(TikTokInvalidRequestError) as caught:
        operator.check_rendered()
    return str(caught.value)


class Source:
    """Replaces an XComArg: Airflow resolves it when it renders."""

    def __init__(self, value):
        self.value = value

    def resolve(self, *_, **__):
        return self.value

    def __str__(self):
        return "{{ task_instance.xcom_pull(task_ids='up') }}"


@pytest.mark.parametrize(
    "form", ["{{ nothing }}", "{{ params.nothing }}", " None ", "{{ nothing | tojson }}"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_template_that_renders_to_none_is_refused_for_every_parameter(kind, form):
    for name in kind.template_fields:
        text = refusal(render(make(kind, **{name: form})))
        assert text.startswith(
            f"`{name}` renders to None, or to something that holds None, and is given in the DAG as {form.strip()}."
        )
        assert "{{ params.example or '' }}" in text


@pytest.mark.sampled(12)
@pytest.mark.parametrize("value", [None, "None", ["7", None], {"a": [None]}, "['7', None]", '{"a": null}'])
@pytest.mark.parametrize("kind", KINDS)
def test_an_upstream_value_that_holds_none_is_refused_for_every_parameter(kind, value):
    for name in kind.template_fields:
        text = refusal(render(make(kind, **{name: Source(value)})))
        assert text.startswith(
            f"`{name}` renders to None, or to something that holds None, and is given in the DAG as {Source(value)}"
        )


@pytest.mark.sampled(12)
@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(
    "value",
    [
        "{{ nothing }}",
        ["{{ nothing }}", "7"],
        ("7", "{{ nothing }}"),
        {"{{ nothing }}"},
        {"a": {"b": ["{{ nothing }}"]}},
        [{"field_name": "campaign_ids", "filter_value": "{{ nothing }}"}],
        "{{ two }}",
        "{{ one }},{{ nothing }}",
        "[{{ one }}, {{ nothing }}]",
        '{"a": ["{{ nothing }}"]}',
        "s3://lake/{{ nothing }}/rows.csv",
        "client={{ nothing }}/rows.csv",
        "/lake/{{ nothing }}.csv",
        "ads_{{ nothing }}",
        "{{ one }}{{ empty }}-{{ nothing }}_{{ one }}",
        "{{ nothing }}{# client #}.csv",
        object_storage_path("file:///lake/{{ nothing }}/rows.csv", None),
    ],
    ids=str,
)
def test_a_part_that_renders_to_none_is_refused(value, native):
    for name in ("advertiser_ids", "filters", "request_params", "output_path"):
        with DAG("d", schedule=None, render_template_as_native_obj=native):
            operator = make(**{name: value})
        assert refusal(render(operator)).startswith(
            f"`{name}` renders to None, or to something that holds None, and is given in the DAG as "
        )


@pytest.mark.sampled(4)
@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_given_or_left_out_on_purpose_is_let_through(kind, native):
    for name in kind.template_fields:
        for value in ON_PURPOSE:
            with DAG("d", schedule=None, render_template_as_native_obj=native):
                operator = make(kind, **{name: value})
            render(operator).check_rendered()


@pytest.mark.parametrize("name", ["advertiser_ids", "filters"])
def test_default_args_are_given_too(name):
    with DAG("d", schedule=None, default_args={name: "{{ nothing }}"}):
        operator = make()
    assert refusal(render(operator)).startswith(
        f"`{name}` renders to None, or to something that holds None, and is given in the DAG as {{{{ nothing }}}}"
    )


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_remembers_it(copied):
    with DAG("d", schedule=None):
        operator = make(advertiser_ids="{{ nothing }}")
    assert refusal(render(copied(operator))).startswith(
        "`advertiser_ids` renders to None, or to something that holds None, and is given in the DAG as {{ nothing }}"
    )


@pytest.mark.parametrize("value", [None, "None", ["7", None]])
def test_a_value_of_another_task_that_is_none_is_refused_in_a_mapped_task(value):
    with DAG("d", schedule=None):
        up = TikTokListAdvertisersOperator(task_id="up")
        mapped = TikTokReportOperator.partial(task_id="task", filters=None).expand(advertiser_ids=up.output)
    operator = mapped.unmap({"advertiser_ids": value})
    assert refusal(operator).startswith(
        "`advertiser_ids` renders to None, or to something that holds None, and is given in the DAG as "
        "{{ task_instance.xcom_pull(task_ids='up'"
    )
    mapped.unmap({"advertiser_ids": "7"}).check_rendered()


def test_an_object_of_another_task_that_holds_none_is_refused_in_a_mapped_task():
    with DAG("d", schedule=None):
        up = TikTokListAdvertisersOperator(task_id="up")
        mapped = TikTokReportOperator.partial(task_id="task", filters=None).expand_kwargs(up.output)
    mapped.unmap({"advertiser_ids": "7", "preset": "ad_daily"}).check_rendered()
    assert refusal(mapped.unmap({"advertiser_ids": None})).startswith(
        "`advertiser_ids` renders to None, or to something that holds None, and is given in the DAG as {{"
    )
    assert refusal(mapped.unmap({"advertiser_ids": "7", "metrics": None})).startswith(
        "`metrics` renders to None, "
    )


def test_a_none_that_the_dag_lists_itself_is_explicit_in_a_mapped_task():
    with DAG("d", schedule=None):
        one = TikTokReportOperator.partial(task_id="task").expand(advertiser_ids=[None, "7"])
        two = TikTokReportOperator.partial(task_id="two").expand_kwargs(
            [{"filters": None}, {"filters": "[]"}]
        )
    one.unmap({"advertiser_ids": None}).check_rendered()
    two.unmap({"filters": None}).check_rendered()


def test_a_template_in_partial_is_refused_in_a_mapped_task():
    with DAG("d", schedule=None):
        mapped = TikTokReportOperator.partial(task_id="task", filters="{{ nothing }}").expand(
            preset=["a", "b"]
        )
    assert refusal(render(mapped.unmap({"preset": "a"}))).startswith(
        "`filters` renders to None, or to something that holds None, and is given in the DAG as {{ nothing }}"
    )


# in a task


@pytest.mark.parametrize("name", ["tiktok_conn_id", "advertiser_ids", "filters", "output_path", "mode"])
def test_a_task_fails_before_any_call_and_without_retries(emulator, connect, name):
    connect(advertiser_ids=accounts(emulator, 1))
    operator = render(make(preset="ad_daily", **{name: "{{ nothing }}"}))
    with pytest.raises(
        AirflowFailException,
        match=f"^`{name}` renders to None, or to something that holds None, and is given in the DAG as ",
    ):
        operator.execute({"ti": TaskInstance()})
    assert not emulator.calls


def test_a_sensor_fails_before_any_call_and_without_retries(emulator, connect):
    connect(advertiser_ids=accounts(emulator, 1))
    operator = render(make(TikTokReportReadySensor, preset="ad_daily", advertiser_ids="{{ nothing }}"))
    with pytest.raises(
        AirflowFailException,
        match=r"^`advertiser_ids` renders to None, or to something that holds None, and is given in the DAG as ",
    ):
        operator.execute({"ti": SimpleNamespace(try_number=1)})
    assert not emulator.calls


def test_empty_text_is_not_given(emulator, connect):
    connect(advertiser_ids=accounts(emulator, 1))
    names = set(TikTokReportOperator.template_fields) - {"dimensions", "metrics", "report_start_date"}
    operator = render(
        make(
            dimensions=["ad_id"],
            metrics=["spend"],
            report_start_date="2026-08-01",
            **dict.fromkeys(names, "{{ nothing or '' }}"),
        )
    )
    assert operator.execute({"ti": TaskInstance()})["advertiser_ids"] == accounts(emulator, 1)


def test_none_in_a_list_of_accounts_is_refused(emulator, connect):
    connect(advertiser_ids=accounts(emulator, 1))
    operator = render(make(preset="ad_daily", advertiser_ids=[*accounts(emulator, 1), None]))
    with pytest.raises(AirflowFailException, match="advertiser_ids: 'None' is not an advertiser ID"):
        operator.execute({"ti": TaskInstance()})
    assert not emulator.calls
