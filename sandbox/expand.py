"""Prints what CloudFormation gets to see of a SAM template: `expand.py TEMPLATE`, in target/venv.

cfn-guard's rules know AWS::Lambda::Function, and nothing of AWS::Serverless::Function.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def main() -> None:
    """Expands the template for one Region; what the functions' code is does not matter."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    template = yaml_parse(Path(sys.argv[1]).read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/code.zip"
    print(json.dumps(Translator({}, Parser()).translate(template, {}), indent=1))


if __name__ == "__main__":
    main()
