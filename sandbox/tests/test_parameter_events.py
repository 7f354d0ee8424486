"""Parameter Store tells EventBridge of what changes."""

from __future__ import annotations

import json

from cloud import DESTINATION_REGION, Cloud, unique


def test_a_parameter_that_is_made_changed_and_deleted_is_told(cloud: Cloud) -> None:
    ssm, events = (cloud.client(name, DESTINATION_REGION) for name in ("ssm", "events"))
    name, rule = f"/parameters/{unique('one')}", unique("rule")
    url, queue = cloud.queue(DESTINATION_REGION, "events")
    pattern = {"source": ["aws.ssm"], "detail": {"name": [{"prefix": "/parameters/"}]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": queue}])
    value = {"Name": name, "Value": "{}", "Type": "String"}
    ssm.put_parameter(**value, Description="Sample Parameter")
    ssm.put_parameter(**value, Overwrite=True)
    ssm.put_parameter(**{**value, "Name": "/elsewhere"})
    ssm.delete_parameter(Name=name)
    ssm.put_parameter(**value)
    ssm.delete_parameters(Names=[name, f"{name}-absent"])
    told = cloud.messages(DESTINATION_REGION, url, 6, seconds=2)
    told.sort(key=lambda event: event["time"])
    operations = [event["detail"]["operation"] for event in told]
    assert operations == ["Create", "Update", "Delete", "Create", "Delete"]
    first = told[0]
    assert first["detail-type"] == "Parameter Store Change"
    assert first["region"] == DESTINATION_REGION
    assert first["resources"] == [f"arn:aws:ssm:{DESTINATION_REGION}:000000000000:parameter{name}"]
    assert first["detail"] == {
        "operation": "Create",
        "name": name,
        "type": "String",
        "description": "Sample Parameter",
    }
