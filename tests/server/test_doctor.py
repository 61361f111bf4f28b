"""What the doctor says is short enough to be read."""

from __future__ import annotations

from pathlib import Path

import banyan


async def test_tools_that_are_quarantined_for_one_reason_are_one_line(tmp_path: Path) -> None:
    async with banyan.open(tmp_path, watch=False) as b:
        report = await b.add("aws", aws=["polly", "bedrock-runtime", "lexv2-runtime"], region="eu-west-1")
        told = [one.detail for one in (await b.doctor()).checks if "quarantined" in one.detail]
    assert len(report.quarantined) > 1
    assert len({reason for _, reason in report.quarantined}) == len(told) == 1
    assert told[0].startswith(f"{len(report.quarantined)} tools are quarantined: ")
