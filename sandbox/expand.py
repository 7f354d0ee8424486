"""Prints what CloudFormation gets to see of a SAM template: `expand.py TEMPLATE`, in target/venv.

cfn-guard's rules know AWS::Lambda::Function, and nothing of AWS::Serverless::Function.

With `--stack-sets ARCHITECTURE` it is the template of a release for stack sets: StackSets with
service-managed permissions takes no template with a macro, and SAM's transform is one. The
functions then come from a bucket in each Region, as Lambda takes code from no other:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-limitations.html
https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html
A stack of a stack set is named by the set and 46 characters more, other ones in each account and
Region: too long for the functions' names, and no name to import an export by. So a parameter takes
its place. An example of such a name:
https://docs.aws.amazon.com/cli/latest/reference/cloudformation/describe-stack-instance.html
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ARCHITECTURES = ("arm64", "x86_64")
NAME_PARAMETER = "InstallationName"
CODE_PARAMETERS = {
    "CodeBucketPrefix": {
        "Type": "String",
        "AllowedPattern": "[a-z0-9][a-z0-9.-]+[a-z0-9]",
        "Description": "Bucket with the zips of the release, one in each Region: this, a hyphen and"
        " the Region, as in code-us-east-1. Each account of the stack set must be able to read it.",
    },
    "CodePrefix": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": "|.*/",
        "Description": "Prefix of the zips in these buckets, ending with a slash. Empty - none.",
    },
    # A function's name has 64 characters at most, and the longest here adds 22.
    NAME_PARAMETER: {
        "Type": "String",
        "Default": "encrypted-replication",
        "AllowedPattern": "[a-zA-Z][a-zA-Z0-9-]{0,41}",
        "Description": "What functions, log groups, dashboards and exports are named by, in place"
        " of the stack's name. One of this name can be in an account and Region.",
    },
}


def main() -> None:
    """Expands the template for one Region; what the functions' code is does not matter."""
    parser = argparse.ArgumentParser()
    parser.add_argument("template", type=Path)
    parser.add_argument("--stack-sets", choices=ARCHITECTURES, metavar="ARCHITECTURE")
    options = parser.parse_args()
    template = yaml_parse(options.template.read_text())
    functions = {
        name: Path(resource["Properties"]["CodeUri"]).name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    for name in functions:
        template["Resources"][name]["Properties"]["CodeUri"] = "s3://bucket/code.zip"
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    expanded = Translator({}, Parser()).translate(template, {})
    if options.stack_sets:
        for_stack_sets(expanded, functions, options.stack_sets)
        expanded = renamed(expanded)
    print(json.dumps(expanded, indent=1))


def for_stack_sets(template: dict[str, Any], functions: dict[str, str], architecture: str) -> None:
    """Puts the release's zips, and where they are, into an expanded template."""
    for name, function in functions.items():
        resource = template["Resources"][name]
        archive = f"{function}-{architecture}.zip"
        resource["Properties"]["Code"] = {
            "S3Bucket": {"Fn::Sub": "${CodeBucketPrefix}-${AWS::Region}"},
            "S3Key": {"Fn::Sub": f"${{CodePrefix}}{archive}"},
        }
        by_sam = {"Key": "lambda:createdBy", "Value": "SAM"}
        tags = [tag for tag in resource["Properties"].pop("Tags", []) if tag != by_sam]
        if tags:
            resource["Properties"]["Tags"] = tags
    # SAM CLI builds nothing any more.
    for resource in template["Resources"].values():
        resource.get("Metadata", {}).pop("BuildMethod", None)
    template["Parameters"]["Architecture"] |= {
        "Default": architecture,
        "AllowedValues": [architecture],
    }
    template["Parameters"] = {**CODE_PARAMETERS, **template["Parameters"]}
    template["Metadata"].pop("AWS::ServerlessRepo::Application", None)
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    groups.insert(0, {"Label": {"default": "Code"}, "Parameters": list(CODE_PARAMETERS)})


def renamed(template: dict[str, Any]) -> dict[str, Any]:
    """The template with the parameter wherever the stack's name stood."""
    text = json.dumps(template)
    text = text.replace("${AWS::StackName}", f"${{{NAME_PARAMETER}}}")
    text = text.replace('{"Ref": "AWS::StackName"}', f'{{"Ref": "{NAME_PARAMETER}"}}')
    found: dict[str, Any] = json.loads(text)
    return found


if __name__ == "__main__":
    main()
