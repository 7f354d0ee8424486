"""Which rules of a replication configuration cover an object.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html
"""

from __future__ import annotations

from typing import Any

from aws_behaviour import rule_members
from aws_behaviour.encryption import Encryption

Rule = dict[str, Any]


def prefix_of(rule: Rule) -> str:
    """The prefix of a rule of either schema version; empty means the whole bucket."""
    if rule.get("Prefix") is not None:
        return str(rule["Prefix"])
    chosen = rule.get("Filter") or {}
    return chosen.get("Prefix") or (chosen.get("And") or {}).get("Prefix") or ""


def tags_of(rule: Rule) -> dict[str, str]:
    """The tags an object must all carry."""
    chosen = rule.get("Filter") or {}
    tags = [chosen["Tag"]] if chosen.get("Tag") else (chosen.get("And") or {}).get("Tags", [])
    return {tag["Key"]: tag["Value"] for tag in tags}


def covers(rule: Rule, key: str, tags: dict[str, str]) -> bool:
    """Whether the rule is enabled and its filter matches."""
    return (
        rule.get("Status") == "Enabled"
        and key.startswith(prefix_of(rule))
        and tags_of(rule).items() <= tags.items()
        and not rule_members.left_out(rule.get("Filter") or {}, key, tags)
    )


def one_per_destination(rules: list[Rule]) -> list[Rule]:
    """For each destination bucket the rule with the highest priority."""
    best: dict[str, Rule] = {}
    for rule in rules:
        bucket = rule["Destination"]["Bucket"]
        if bucket not in best or rule.get("Priority", 0) > best[bucket].get("Priority", 0):
            best[bucket] = rule
    return list(best.values())


def takes(rule: Rule, encryption: Encryption) -> bool:
    """Whether the rule replicates objects of this encryption.

    Objects under KMS keys are not replicated by default; a rule opts in with
    `SseKmsEncryptedObjects`.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html
    """
    if not encryption.uses_kms:
        return True
    criteria = rule.get("SourceSelectionCriteria") or {}
    return (criteria.get("SseKmsEncryptedObjects") or {}).get("Status") == "Enabled"


def replicates_delete_markers(rule: Rule) -> bool:
    """Always without a filter (the older schema), else where the rule says so.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-marker-replication.html
    """
    if "Filter" not in rule:
        return True
    chosen = (rule.get("DeleteMarkerReplication") or {}).get("Status")
    return chosen == "Enabled" and not tags_of(rule)


def has_metrics(rule: Rule) -> bool:
    """Whether S3 sends failure events for the rule.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-metrics-events.html
    """
    return (rule["Destination"].get("Metrics") or {}).get("Status") == "Enabled"
