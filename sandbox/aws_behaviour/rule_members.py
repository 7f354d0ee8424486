"""Members of a replication rule that S3 has had since November 2026 and MiniStack does not know.

`Filter.Not` and `Filter.And.Not` leave objects out of a rule; `UseSourceMultiRegionKey` has S3 take
the key that is related to the source object's.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRuleFilter.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_EncryptionConfiguration.html
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from ministack.services import s3

SAME_KEY = "UseSourceMultiRegionKey"
# MiniStack's own functions, taken before they are replaced.
_parse_filter: Callable[[Element], dict[str, Any]] = s3._parse_replication_filter
_filter_xml: Callable[[Element, dict[str, Any]], None] = s3._replication_filter_xml
_parse_options: Callable[[Element], tuple[dict[str, Any], dict[str, Any]]] = (
    s3._parse_replication_options
)
_destination_xml: Callable[[Element, dict[str, Any]], None] = (
    s3._replication_destination_options_xml
)


def parse_replication_filter(filter_el: Element) -> dict[str, Any]:
    """Replaces S3's: with what the rule leaves out."""
    found = _parse_filter(filter_el)
    for holder, into in ((filter_el, found), (_child(filter_el, "And"), found.get("And"))):
        left_out = _child(holder, "Not")
        if left_out is not None and into is not None:
            into["Not"] = _some_of(left_out)
            either = _child(left_out, "Or")
            if either is not None:
                into["Not"]["Or"] = _some_of(either)
    return found


def replication_filter_xml(filter_el: Element, rule_filter: dict[str, Any]) -> None:
    """Replaces S3's: shows what the rule leaves out."""
    _filter_xml(filter_el, rule_filter)
    for holder, told in (
        (filter_el, rule_filter),
        (_child(filter_el, "And"), rule_filter.get("And") or {}),
    ):
        if holder is not None and "Not" in told:
            left_out = SubElement(holder, "Not")
            _write_some(left_out, told["Not"])
            if "Or" in told["Not"]:
                _write_some(SubElement(left_out, "Or"), told["Not"]["Or"])


def parse_replication_options(rule_el: Element) -> tuple[dict[str, Any], dict[str, Any]]:
    """Replaces S3's: MiniStack takes what it does not know in an encryption for malformed."""
    known = copy.deepcopy(rule_el)
    encryption = _child(_child(known, "Destination"), "EncryptionConfiguration")
    same_key = _child(encryption, SAME_KEY)
    if encryption is not None and same_key is not None:
        encryption.remove(same_key)
    of_rule, of_destination = _parse_options(known)
    if same_key is not None:
        status = s3._replication_status(s3._replication_children(same_key, ("Status",)))
        of_destination["EncryptionConfiguration"][SAME_KEY] = status
    return of_rule, of_destination


def replication_destination_options_xml(dest_el: Element, dest: dict[str, Any]) -> None:
    """Replaces S3's: shows it."""
    _destination_xml(dest_el, dest)
    same_key = (dest.get("EncryptionConfiguration") or {}).get(SAME_KEY)
    encryption = _child(dest_el, "EncryptionConfiguration")
    if same_key and encryption is not None:
        SubElement(SubElement(encryption, SAME_KEY), "Status").text = same_key["Status"]


def left_out(rule_filter: dict[str, Any], key: str, tags: dict[str, str]) -> bool:
    """Whether the filter leaves the object out: it matches any of what stands in `Not`.

    "An object is excluded from the replication rule if it matches any of the specified filters."
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRuleNotOperator.html
    """
    told = rule_filter.get("Not") or (rule_filter.get("And") or {}).get("Not") or {}
    either = told.get("Or") or {}
    prefixes = [*told.get("Prefix", []), *either.get("Prefix", [])]
    carried = [*told.get("Tag", []), *either.get("Tag", [])]
    return any(key.startswith(prefix) for prefix in prefixes) or any(
        tags.get(tag["Key"]) == tag["Value"] for tag in carried
    )


def _child(parent: Element | None, name: str) -> Element | None:
    return None if parent is None else s3._find_xml_tag(parent, name)


def _some_of(parent: Element) -> dict[str, Any]:
    named = [(child.tag.rpartition("}")[2], child) for child in parent]
    prefixes = [child.text or "" for name, child in named if name == "Prefix"]
    tags = [s3._replication_tag(child) for name, child in named if name == "Tag"]
    return {name: found for name, found in (("Prefix", prefixes), ("Tag", tags)) if found}


def _write_some(parent: Element, told: dict[str, Any]) -> None:
    for prefix in told.get("Prefix", []):
        SubElement(parent, "Prefix").text = prefix
    for tag in told.get("Tag", []):
        element = SubElement(parent, "Tag")
        SubElement(element, "Key").text = tag["Key"]
        SubElement(element, "Value").text = tag["Value"]
