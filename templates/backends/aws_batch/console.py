"""Pages of AWS's console."""

from __future__ import annotations

from .aws import Arn

DOMAINS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""By partition."""

LOG_GROUP = "$252Faws$252Fbatch$252Fjob"
"""`/aws/batch/job`, where Batch writes by default, as the console spells it in addresses."""


def job_url(job_id: str) -> str | None:
    """Give the page of a job, which leads to its log.

    Returns:
        The URL; None for a partition whose console is not known.
    """
    arn = Arn.parse(job_id)
    return _page(arn, "batch", f"jobs/detail/{arn.name}")


def logs_url(job_id: str) -> str | None:
    """Give the page of the log group that Batch writes to.

    Returns:
        The URL; None for a partition whose console is not known.
    """
    return _page(Arn.parse(job_id), "cloudwatch", f"logsV2:log-groups/log-group/{LOG_GROUP}")


def _page(arn: Arn, service: str, fragment: str) -> str | None:
    domain = DOMAINS.get(arn.partition)
    if domain is None:
        return None
    return f"https://{arn.region}.{domain}/{service}/home?region={arn.region}#{fragment}"
