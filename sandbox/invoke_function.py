"""Invokes a function of an account of the local cloud: `invoke_function.py ACCOUNT FUNCTION EVENT`.

Prints what it answers. The Region is that of AWS's environment.
"""

from __future__ import annotations

import sys

import boto3
from botocore.config import Config

# As long as a function may run, and never again: a second invocation would be another request.
PATIENT = Config(read_timeout=900, retries={"total_max_attempts": 1})


def main() -> None:
    account, function, event = sys.argv[1:]
    functions = boto3.Session(account, "test").client("lambda", config=PATIENT)
    answer = functions.invoke(FunctionName=function, Payload=event.encode())
    payload = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        sys.exit(payload)
    print(payload)


if __name__ == "__main__":
    main()
